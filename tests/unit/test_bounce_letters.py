"""The letters of many more mail servers are read, each written by hand in the shape that its program gives them.

No real one is among them: these tell whether the rules hold for what they were not written with.
"""

import re
import textwrap
from collections.abc import Callable

import pytest

from digest.bounces import Kind
from digest.bounces.classify import classify

ANNA, BOB = "anna@reader.example", "bob.b@other.example"
OURS = "news+bounce-abc@digest.example"
LETTER = f"""\
Received: from digest.example (digest.example [192.0.2.7])
	by relay.example with ESMTP id A1; Thu, 1 Jan 2015 00:00:00 +0000
From: The Digest <news@digest.example>
To: {ANNA}
Subject: The day
Message-ID: <17@digest.example>

The ferries sail again. Write to somebody@elsewhere.example.
"""
GONE, STAYS = True, False

Letter = tuple[str, str, str, dict[str, bool]]
"""Who sends it, what stands over it, what it says, and of whom it tells that he is gone."""

LETTERS: dict[str, Letter] = {
    "Exchange 2003": (
        "System Administrator <postmaster@relay.example>",
        "Undeliverable: The day",
        (
            "Your message did not reach some or all of the intended recipients.\n\n      Subject:\tThe day\n"
            "      Sent:\t1/1/2010 10:00 AM\n\nThe following recipient(s) could not be reached:\n\n"
            f"      {ANNA} on 1/1/2010 10:01 AM\n            The e-mail account does not exist at the organization"
            " this message was sent to.  Check the e-mail address, or contact the recipient directly to find out"
            " the correct address.\n            <relay.example #5.1.1>\n"
        ),
        {ANNA: GONE},
    ),
    "Exchange 2007": (
        "Microsoft Exchange <postmaster@relay.example>",
        "Undeliverable: The day",
        (
            f"Delivery has failed to these recipients or distribution lists:\n\n{ANNA}\n"
            "The recipient's mailbox is full and can't accept messages now. Microsoft Exchange will not try to"
            " redeliver this message for you.\n\n________________________________\nSent by Microsoft Exchange Server"
            " 2007\n\nDiagnostic information for administrators:\n\nGenerating server: relay.example\n\n"
            f"{ANNA}\n#552 5.2.2 RESOLVER.QUOTA; mailbox full ##\n\nOriginal message headers:\n\n{LETTER}"
        ),
        {ANNA: STAYS},
    ),
    "Exchange in French": (
        "Microsoft Outlook <postmaster@relay.example>",
        "Non remis : The day",
        (
            f"Échec de la remise pour ces destinataires ou groupes :\n\n{ANNA}<mailto:{ANNA}>\n"
            "L'adresse de messagerie que vous avez entrée est introuvable. Vérifiez l'adresse du destinataire.\n\n"
            "Informations de diagnostic pour les administrateurs :\n\nServeur de génération : relay.example\n\n"
            f"{ANNA}\n#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##\n\nEn-têtes de message d'origine :\n\n{LETTER}"
        ),
        {ANNA: GONE},
    ),
    "Exchange in German": (
        "Microsoft Exchange <postmaster@relay.example>",
        "Unzustellbar: The day",
        (
            f"Fehler bei der Nachrichtenzustellung an folgende Empfänger oder Verteilerlisten:\n\n{ANNA}\n"
            "Die eingegebene E-Mail-Adresse konnte nicht gefunden werden.\n\nDiagnoseinformationen für"
            f" Administratoren:\n\nGenerierender Server: relay.example\n\n{ANNA}\n#550 5.1.1 not found ##\n\n"
            f"Ursprüngliche Nachrichtenkopfzeilen:\n\n{LETTER}"
        ),
        {ANNA: GONE},
    ),
    "Exchange in Spanish": (
        "Microsoft Exchange <postmaster@relay.example>",
        "No se puede entregar: The day",
        (
            f"Error de entrega a estos destinatarios o grupos:\n\n{ANNA}\n"
            "No se encontró la dirección de correo electrónico especificada.\n\nInformación de diagnóstico para"
            f" los administradores:\n\nGenerando servidor: relay.example\n\n{ANNA}\n"
            f"#< #5.1.1 smtp;550 5.1.1 not found> #SMTP#\n\nEncabezados de mensajes originales:\n\n{LETTER}"
        ),
        {ANNA: GONE},
    ),
    "IMail": (
        "Postmaster <postmaster@relay.example>",
        "Undeliverable Mail",
        f"Unknown user: {ANNA}\n\nRCPT TO generated following response:\n550 no such user\n\nOriginal message follows.\n\n{LETTER}",
        {ANNA: GONE},
    ),
    "IMail, a full mailbox": (
        "Postmaster <postmaster@relay.example>",
        "Undeliverable Mail",
        f"User mailbox exceeds allowed size: {ANNA}\n\n\nOriginal message follows.\n\n{LETTER}",
        {ANNA: STAYS},
    ),
    "IMail, after many attempts": (
        "Postmaster <postmaster@relay.example>",
        "Undeliverable Mail",
        f"Delivery failed 20 attempts: {ANNA}\n\nOriginal message follows.\n\n{LETTER}",
        {ANNA: STAYS},
    ),
    "InterScan": (
        "InterScan MSS <postmaster@relay.example>",
        "Mail could not be delivered",
        (
            "****** Message from InterScan Messaging Security Suite ******\n\n"
            f"Sent <<< RCPT TO:<{ANNA}>\nReceived >>> 550 5.1.1 <{ANNA}>... user unknown\n"
            f"\nUnable to deliver message to <{ANNA}> (and other recipients in the same domain).\n\n"
            f"**********************     End of message     ***********************\n\n{LETTER}"
        ),
        {ANNA: GONE},
    ),
    "MailFoundry": (
        "MAILER-DAEMON@relay.example",
        "Message delivery has failed",
        (
            "This is a MIME encoded message.\n\nSorry, your message could not be delivered.\n\n"
            f"Unable to deliver message to: <{ANNA}>\nDelivery failed for the following reason:\n"
            f"Server mx.reader.example[192.0.2.1] failed with: 550 <{ANNA}> No such user here\n\n"
            "This has been a permanent failure.  No further delivery attempts will be made.\n"
        ),
        {ANNA: GONE},
    ),
    "Active!hunter": (
        "MAILER-DAEMON@relay.example",
        "FAILURE NOTICE :",
        (
            "This is the mail delivery agent at relay.example.\n\n   ----- The following addresses had permanent"
            f" fatal errors -----\n\n>>> {ANNA} <{ANNA}>\n\n   -----------------------\n"
            f"550 sorry, no mailbox here by that name (#5.1.1 - chkuser)\n\n   ----- Original message follows -----\n\n{LETTER}"
        ),
        {ANNA: GONE},
    ),
    "Zoho": (
        "mailer-daemon@mail.relay.example",
        "Undelivered Mail Returned to Sender",
        (
            "This message was created automatically by mail delivery software.\n A message that you sent could not be"
            " delivered to one or more of its recipients. This is a permanent error. \n\n"
            f"{ANNA} Invalid Address, ERROR_CODE :550, ERROR_CODE :5.1.1 <{ANNA}>... User Unknown\n\n\n"
            f"Received:from digest.example by mx.relay.example\n{LETTER}"
        ),
        {ANNA: GONE},
    ),
    "a carrier of phones": (
        "Postmaster@carrier.example",
        "Mail delivery failed",
        (
            f"Your mail sent on: Thu, 29 Apr 2010 11:04:47 +0900\n     Could not be delivered to: <{ANNA}>\n"
            "     As their mailbox is full.\n"
        ),
        {ANNA: STAYS},
    ),
    "SMTP Server <> rejected recipient": (
        "MAILER-DAEMON@relay.example",
        "There was an error sending your mail",
        (
            "We had trouble delivering your message. Full details follow:\n\nSubject: 'The day'\n"
            "Date:    'Thu, 29 Apr 2012 23:34:45 +0000'\n\n1 error(s):\n\nSMTP Server <mx.reader.example> rejected"
            f" recipient <{ANNA}> \n  (Error following RCPT command). It responded as follows: [550 5.1.1 <{ANNA}>..."
            f" User Unknown]\n\nThe message was from <{OURS}>\n"
        ),
        {ANNA: GONE},
    ),
    "Biglobe": (
        "MAILER-DAEMON@isp.example",
        "Returned mail: see transcript for details",
        (
            "   ----- The following addresses had delivery problems -----\n"
            f"{ANNA}\n\n   ----- Non-delivered information -----\n"
            "The number of messages in recipient's mailbox exceeded the local limit.\n\n"
            f"   ----- Original message -----\n\n{LETTER}"
        ),
        {ANNA: STAYS},
    ),
    "an old sendmail": (
        "Mail Delivery Subsystem <MAILER-DAEMON@relay.example>",
        "Returned mail: User unknown",
        (
            f"   ----- Transcript of session follows -----\nWhile talking to mx.reader.example:\n>>> RCPT To:<{ANNA}>\n"
            f"<<< 550 <{ANNA}>... User unknown\n550 {ANNA}... User unknown\n\n   ----- Unsent message follows -----\n{LETTER}"
        ),
        {ANNA: GONE},
    ),
    "a sendmail that still tries": (
        "Mail Delivery Subsystem <MAILER-DAEMON@relay.example>",
        "Warning: could not send message for past 4 hours",
        (
            "    **********************************************\n    **      THIS IS A WARNING MESSAGE ONLY      **\n"
            "    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **\n    **********************************************\n\n"
            "The original message was received at Thu, 29 Apr 2010 11:04:47 +0900\nfrom digest.example [192.0.2.7]\n\n"
            f"   ----- The following addresses had transient non-fatal errors -----\n<{ANNA}>\n\n"
            f"   ----- Transcript of session follows -----\n<{ANNA}>... Deferred: Connection timed out with mx.reader.example.\n"
            "Warning: message still undelivered after 4 hours\nWill keep trying until message is 5 days old\n"
        ),
        {ANNA: STAYS},
    ),
    "Gmail of old": (
        "Mail Delivery Subsystem <mailer-daemon@mail.example>",
        "Delivery Status Notification (Failure)",
        (
            f"Delivery to the following recipient failed permanently:\n\n     {ANNA}\n\nTechnical details of permanent"
            " failure: \nWe tried to deliver your message, but it was rejected by the recipient domain. We recommend"
            " contacting the other email provider at postmaster@reader.example for further information about the cause of"
            " this error. The error that the other server returned was: 550 550 5.1.1 unknown user (state 14).\n\n"
            f"   ----- Original message -----\n\n{LETTER}"
        ),
        {ANNA: GONE},
    ),
    "Gmail of old, no such domain": (
        "Mail Delivery Subsystem <mailer-daemon@mail.example>",
        "Delivery Status Notification (Failure)",
        (
            f"Delivery to the following recipient failed permanently:\n\n     {ANNA}\n\nTechnical details of permanent"
            f" failure: \nDNS Error: Domain name not found\n\n   ----- Original message -----\n\n{LETTER}"
        ),
        {ANNA: GONE},
    ),
    "Gmail": (
        "Mail Delivery Subsystem <mailer-daemon@mail.example>",
        "Delivery Status Notification (Failure)",
        (
            f"\n** Address not found **\n\nYour message wasn't delivered to {ANNA} because the address couldn't be found,"
            " or is unable to receive mail.\n\nLearn more here: https://support.example/answer/6596\n\n"
            f"The response was:\n\n550 5.1.1 The email account that you tried to reach does not exist. gsmtp\n"
        ),
        {ANNA: GONE},
    ),
    "Outlook.com": (
        "postmaster@mail.example",
        "Delivery Status Notification (Failure)",
        (
            "This is an automatically generated Delivery Status Notification.\n\nDelivery to the following recipients"
            f" failed.\n\n       {ANNA}\n       {BOB}\n\n"
        ),
        {ANNA: STAYS, BOB: STAYS},
    ),
    "Office 365": (
        "Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@digest.example>",
        "Undeliverable: The day",
        (
            f"Your message to {ANNA} couldn't be delivered.\n\nanna wasn't found at reader.example.\n\n"
            "news\tOffice 365\tanna\nAction Required\t\tRecipient\n\n\t\tUnknown To address\n\n"
            "How to Fix It\nThe address may be misspelled or may not exist.\n\n"
            "Status code: 550 5.1.1\n"
        ),
        {ANNA: GONE},
    ),
    "Courier": (
        '"Courier mail server at relay.example" <@>',
        "NOTICE: mail delivery status.",
        (
            "This is a delivery status notification from relay.example,\nrunning the Courier mail server, version"
            " 0.65.2.\n\nThe original message was received on Thu, 29 Apr 2010 11:04:47 +0900\nfrom digest.example"
            " (digest.example [192.0.2.7])\n\n---------------------------------------------------------------------------\n\n"
            "                           UNDELIVERABLE MAIL\n\nYour message to the following recipients cannot be delivered:\n\n"
            f"<{ANNA}>:\n    mx.reader.example [192.0.2.1]:\n>>> RCPT TO:<{ANNA}>\n<<< 550 5.1.1 <{ANNA}>... User Unknown\n\n"
            "---------------------------------------------------------------------------\n\n"
            "If your message was also sent to additional recipients, their delivery status is not included in this report.\n"
        ),
        {ANNA: GONE},
    ),
    "James": (
        "postmaster@relay.example",
        "[BOUNCE]",
        (
            "Hi. This is the James mail server at relay.example.\nI'm afraid I wasn't able to deliver your message to the"
            " following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.  Below\nI include"
            " the list of recipients and the reason why I was unable to deliver\nyour message.\n\nFailed recipient(s):\n"
            f"{ANNA}\n{BOB}\n\nError message:\n550 - Requested action not taken: no such user here\n"
        ),
        {ANNA: GONE, BOB: GONE},
    ),
    "MDaemon": (
        "MDAEMON@relay.example",
        "Permanent Delivery Failure",
        (
            "The attached message had PERMANENT fatal delivery errors!\n\nAfter one or more unsuccessful delivery attempts"
            " the attached message has\nbeen removed from the mail queue on this server.\n\n"
            f"Failed address: {ANNA}\n\n--- Session Transcript ---\n"
            f" Thu 2010-04-29 11:04:47: Parsing Message <pd5000.msg>\n Thu 2010-04-29 11:04:47: From: {OURS}\n"
            f" Thu 2010-04-29 11:04:47: To: {ANNA}\n Thu 2010-04-29 11:04:48: --> RCPT To:<{ANNA}>\n"
            f" Thu 2010-04-29 11:04:48: <-- 550 <{ANNA}>, Recipient unknown\n--- End Transcript ---\n"
        ),
        {ANNA: GONE},
    ),
    "GroupWise": (
        "Mailer-Daemon@relay.example",
        "Message status - undeliverable",
        f"The message that you sent was undeliverable to the following:\n\t{ANNA} (user not found)\n\nPossibly truncated original message follows:\n\n{LETTER}",
        {ANNA: GONE},
    ),
    "CommuniGate": (
        "<MAILER-DAEMON@relay.example>",
        "Undeliverable mail: The day",
        (
            f"Failed to deliver to '<{ANNA}>'\nSMTP module(domain reader.example) reports:\n host mx.reader.example says:\n"
            " 550 5.1.1 unknown user account\n"
        ),
        {ANNA: GONE},
    ),
    "Sun": (
        "Internet Mail Delivery <postmaster@relay.example>",
        "Delivery Notification: Delivery has failed",
        (
            "This report relates to a message you sent with the following header fields:\n\n"
            "  Message-id: <17@digest.example>\n  Date: Thu, 29 Apr 2010 11:04:47 +0900\n"
            f"  From: The Digest <news@digest.example>\n  To: {ANNA}\n  Subject: The day\n\n"
            f"Your message cannot be delivered to the following recipients:\n\n  Recipient address: {ANNA}\n"
            "  Reason: Remote SMTP server has rejected address\n  Diagnostic code: smtp;550 5.1.1 unknown or illegal alias\n"
            "  Remote system: dns;mx.reader.example (TCP|192.0.2.7|4000|192.0.2.1|25)\n"
        ),
        {ANNA: GONE},
    ),
    "Smail": (
        "<MAILER-DAEMON@relay.example>",
        "mail failed, returning to sender",
        (
            "|------------------------- Message log follows: -------------------------|\n"
            " no valid recipients were found for this message\n"
            f"|------------------------- Failed addresses follow: ---------------------|\n <{ANNA}> ... unknown user\n"
            f"|------------------------- Message text follows: ------------------------|\n{LETTER}"
        ),
        {ANNA: GONE},
    ),
    "Post.Office": (
        "Mail Administrator<Postmaster@relay.example>",
        "Mail System Error - Returned Mail",
        (
            "This Message was undeliverable due to the following reason:\n\nThe following destination addresses were"
            f" unknown (please check\nthe addresses and re-mail the message):\n\n{ANNA}\n\n"
            "Please reply to Postmaster@relay.example\nif you feel this message to be in error.\n"
        ),
        {ANNA: GONE},
    ),
    "XMail": (
        '"relay.example PostMaster" <root@relay.example>',
        "Error sending message [1272506687.1000] from [relay.example]",
        (
            f"[<00>] XMail bounce: Rcpt=[{ANNA}];Error=[550 Mailbox unavailable <{ANNA}>]\n\n\n"
            f"[<01>] Error sending message [1272506687.1000] from [relay.example].\n\nID:        <S1000>\n"
            f"Mail From: <{OURS}>\nRcpt To:   <{ANNA}>\nServer:    <mx.reader.example>\n\n\n"
            f"[<02>] The reason of the delivery failure was:\n\n550 Mailbox unavailable <{ANNA}>\n\n\n"
            f"[<05>] Here is listed the initial part of the message:\n\n{LETTER}"
        ),
        {ANNA: GONE},
    ),
    "hMailServer": (
        "mailer-daemon@relay.example",
        "Message undeliverable: The day",
        (
            "Your message did not reach some or all of the intended recipients.\n\n   Sent: Thu, 29 Apr 2010 11:04:47\n"
            f"   Subject: The day\n\nThe following recipient(s) could not be reached:\n\n{ANNA}\n   Error Type: SMTP\n"
            f"   Remote server (192.0.2.1) issued an error.\n   hMailServer sent: RCPT TO:<{ANNA}>\n"
            "   Remote server replied: 550 5.1.1 no such user\n\n\n\nhMailServer\n"
        ),
        {ANNA: GONE},
    ),
    "SmarterMail": (
        "System Administrator <postmaster@relay.example>",
        "Delivery Failure",
        (
            f"Could not deliver message to the following recipient(s):\n\nFailed Recipient: {ANNA}\n"
            "Reason: Remote host said: 550 unknown user\n\n\n   -- The header and top 20 lines of the message follows --\n\n"
            f"{LETTER}"
        ),
        {ANNA: GONE},
    ),
    "MailEnable": (
        "Postmaster <postmaster@relay.example>",
        "Message Delivery Failure",
        (
            "MailEnable: Message delivery has failed.\n\nMessage could not be delivered to some recipients.\n"
            f"The following recipient(s) could not be reached:\n\n\tRecipient: [SMTP:{ANNA}]\n"
            "\tReason: Remote SMTP Server Returned: 550 No such user here\n\n\nMessage headers follow:\n\n" + LETTER
        ),
        {ANNA: GONE},
    ),
    "IronPort": (
        "Mail Delivery System <MAILER-DAEMON@relay.example>",
        "Delivery Status Notification (Failure)",
        (
            f"The following message to <{ANNA}> was undeliverable.\nThe reason for the problem:\n"
            "5.1.0 - Unknown address error 550-'5.1.1 User unknown'\n"
        ),
        {ANNA: GONE},
    ),
    "IronPort, in vain": (
        "Mail Delivery System <MAILER-DAEMON@relay.example>",
        "Delivery Status Notification (Failure)",
        (
            f"The following message to <{ANNA}> was undeliverable.\nThe reason for the problem:\n"
            "5.4.7 - Delivery expired (message too old) 'timeout'\n"
        ),
        {ANNA: STAYS},
    ),
    "Dovecot": (
        "Mail Delivery Subsystem <postmaster@reader.example>",
        "Rejected: The day",
        f"Your message to <{ANNA}> was automatically rejected:\nQuota exceeded (mailbox for user is full)\n",
        {ANNA: STAYS},
    ),
    "Mercury": (
        "Mail Subsystem <postmaster@relay.example>",
        "Postmaster Notify: Delivery Failure.",
        (
            "The attached message has failed delivery and has been referred\nto you as postmaster. The following error"
            f' report or reports\nwere given to explain the problem:\n\n   *** {ANNA}\n   User not known at this site.\n'
        ),
        {ANNA: GONE},
    ),
    "ZMailer": (
        "The Post Office <postmaster@relay.example>",
        "Delivery reports about your email [FAILED(1)]",
        (
            "This is a collection of reports about email delivery\nprocess concerning a message you originated.\n\n"
            "FAILED:\n  Original Recipient:\n    rfc822;" + ANNA + "\n  Control data:\n    smtp reader.example"
            f" {ANNA} 99\n  Diagnostic texts:\n    <smtp mx.reader.example: 550 5.1.1 User unknown>\n\n"
            f"Following is a copy of the message headers.\n\n{LETTER}"
        ),
        {ANNA: GONE},
    ),
    "Kerio": (
        "Mail Delivery System <postmaster@relay.example>",
        "Delivery report",
        (
            "This report relates to your message:\nSubject: The day, dated 29 Apr 2010\n\nYour message could not be delivered"
            f" to following recipients:\n\n{ANNA}\n   SMTP server mx.reader.example refused the message: 550 5.1.1 User"
            " unknown\n"
        ),
        {ANNA: GONE},
    ),
    "Exim, several": (
        "Mail Delivery System <Mailer-Daemon@relay.example>",
        "Mail delivery failed: returning message to sender",
        (
            "This message was created automatically by mail delivery software.\n\nA message that you sent could not be"
            " delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n"
            f"  {ANNA}\n    SMTP error from remote mail server after RCPT TO:<{ANNA}>:\n    host mx.reader.example"
            f" [192.0.2.1]: 550 5.1.1 <{ANNA}>... User unknown\n  {BOB}\n    mailbox is full:\n    retry timeout exceeded\n\n"
            f"------ This is a copy of the message, including all the headers. ------\n\n{LETTER}"
        ),
        {ANNA: GONE, BOB: STAYS},
    ),
    "Exim, an alias": (
        "Mail Delivery System <Mailer-Daemon@relay.example>",
        "Mail delivery failed: returning message to sender",
        (
            "This message was created automatically by mail delivery software.\n\nA message that you sent could not be"
            " delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n"
            f"  {BOB}\n    (generated from {ANNA})\n    Unrouteable address\n\n"
            f"------ This is a copy of the message, including all the headers. ------\n\n{LETTER}"
        ),
        {BOB: GONE},
    ),
    "Exim in Japanese style": (
        "Mail Delivery System <Mailer-Daemon@relay.example>",
        "Warning: message 1P1YNN-0003AD-Ga delayed 24 hours",
        (
            "This message was created automatically by mail delivery software.\nA message that you sent has not yet been"
            " delivered to one or more of its\nrecipients after more than 24 hours on the queue on relay.example.\n\n"
            "The message identifier is:     1P1YNN-0003AD-Ga\nThe subject of the message is: The day\n\n"
            f"The address to which the message has not yet been delivered is:\n\n  {ANNA}\n    host mx.reader.example"
            " [192.0.2.1]: Connection timed out\n\nNo action is required on your part.\n"
        ),
        {ANNA: STAYS},
    ),
    "qmail in Japanese": (
        "MAILER-DAEMON@isp.example",
        "failure notice",
        (
            "Hi. This is the qmail-send program at isp.example.\nI'm afraid I wasn't able to deliver your message to the"
            " following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n"
            "このメールは、以下の宛先へお届けすることができませんでした。\n\n"
            f"<{ANNA}>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n<{BOB}>:\nUser over quota. (#5.2.2)\n\n"
            f"--- Below this line is a copy of the message.\n\nReturn-Path: <{OURS}>\n{LETTER}"
        ),
        {ANNA: GONE, BOB: STAYS},
    ),
    "a provider in Japanese": (
        "postmaster@isp.example",
        "メールが届けられませんでした",
        f"次の宛先にメールを配信できませんでした。\n\n宛先: {ANNA}\n理由: メールボックスの容量を超えています。\n",
        {ANNA: STAYS},
    ),
    "a provider in German": (
        "Mail Delivery System <mailer-daemon@isp.example>",
        "Mail delivery failed: returning message to sender",
        (
            "Diese Nachricht wurde automatisch erzeugt.\n\nIhre Nachricht konnte an folgende Empfänger nicht zugestellt"
            f" werden:\n\n    {ANNA}\n    Das Postfach des Empfängers existiert nicht.\n\n"
            f"--- Im Folgenden sehen Sie die Kopfzeilen Ihrer Nachricht ---\n\n{LETTER}"
        ),
        {ANNA: GONE},
    ),
    "a provider in French": (
        "Système de messagerie <postmaster@isp.example>",
        "Échec de remise du message",
        (
            "Ce message a été créé automatiquement.\n\nVotre message n'a pas pu être remis au destinataire suivant :\n\n"
            f"  {ANNA}\n\nRaison : la boîte aux lettres est pleine.\n"
        ),
        {ANNA: STAYS},
    ),
    "a provider in Spanish": (
        "Sistema de correo <postmaster@isp.example>",
        "Correo devuelto",
        f"Su mensaje no pudo ser entregado a:\n\n<{ANNA}>: El usuario no existe\n",
        {ANNA: GONE},
    ),
    "a provider in Portuguese": (
        "Mail Delivery System <MAILER-DAEMON@isp.example>",
        "Mensagem devolvida",
        f"A sua mensagem não pôde ser entregue ao seguinte destinatário:\n\n{ANNA}\n\nMotivo: caixa postal inexistente\n",
        {ANNA: GONE},
    ),
    "a provider in Italian": (
        "Postmaster <postmaster@isp.example>",
        "Messaggio non recapitato",
        f"Il messaggio non è stato recapitato al seguente indirizzo:\n\n   {ANNA}\n\nCasella di posta piena\n",
        {ANNA: STAYS},
    ),
    "a provider in Korean": (
        "Mail Delivery System <postmaster@isp.example>",
        "[전송실패] The day",
        f"메일 전송에 실패하였습니다.\n\n받는사람: {ANNA}\n실패사유: 550 5.1.1 존재하지 않는 사용자입니다\n",
        {ANNA: GONE},
    ),
    "a provider in Chinese": (
        "PostMaster@isp.example",
        "系统退信/Systems bounce",
        (
            "抱歉，您的邮件被退回来了……\n\n原邮件信息：\n时    间：2015-01-01 00:00:00\n主    题：The day\n"
            f"收 件 人：{ANNA}\n\n退信原因：收件人邮箱已满，无法接收邮件\n\n建议解决方案：联系收件人，电话通知\n"
        ),
        {ANNA: STAYS},
    ),
    "a provider in Russian": (
        "Mail Delivery System <mailer-daemon@isp.example>",
        "Недоставленное сообщение",
        f"Ваше письмо не было доставлено следующим адресатам:\n\n{ANNA}\n\nПользователь не найден\n",
        {ANNA: GONE},
    ),
}


def machine(sender: str, subject: str, text: str, *, kind: str = "text/plain; charset=utf-8") -> bytes:
    head = f"Return-Path: <>\nFrom: {sender}\nTo: {OURS}\nSubject: {subject}\nContent-Type: {kind}\n"
    return f"{head}\n{text}".encode()


@pytest.mark.parametrize("shape", LETTERS)
def test_letters_in_the_shape_of_many_programs_are_read(shape: str) -> None:
    sender, subject, text, wanted = LETTERS[shape]
    told = classify(machine(sender, subject, text))
    assert told.kind is Kind.BOUNCE
    assert {one.address: one.permanent for one in told.recipients} == wanted


def as_markup(text: str) -> str:
    shown = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "<html><body><p>" + "<br>\n".join(shown.split("\n")) + "</p></body></html>"


@pytest.mark.parametrize("shape", LETTERS)
def test_they_are_read_as_html_alone(shape: str) -> None:
    sender, subject, text, wanted = LETTERS[shape]
    told = classify(machine(sender, subject, as_markup(text), kind="text/html; charset=utf-8"))
    assert {one.address: one.permanent for one in told.recipients} == wanted


@pytest.mark.parametrize("shape", LETTERS)
def test_they_are_read_with_the_letter_attached(shape: str) -> None:
    sender, subject, text, wanted = LETTERS[shape]
    said = text.partition("Received: from digest")[0]
    whole = (
        f"--b\nContent-Type: text/plain; charset=utf-8\n\n{said}\n--b\nContent-Type: message/rfc822\n\n{LETTER}\n--b--\n"
    )
    told = classify(machine(sender, subject, whole, kind="multipart/mixed; boundary=b"))
    assert {one.address: one.permanent for one in told.recipients} == wanted


# The same letters, as they look after other hands


def wrapped(text: str, width: int) -> str:
    return "\n".join(
        textwrap.fill(
            line,
            width,
            subsequent_indent=line[: len(line) - len(line.lstrip())],
            break_long_words=False,
            break_on_hyphens=False,
        )
        if len(line) > width
        else line
        for line in text.split("\n")
    )


HANDS: dict[str, Callable[[str], str]] = {
    "cut at 70": lambda text: wrapped(text, 70),
    "cut at 50": lambda text: wrapped(text, 50),
    "in capitals": lambda text: re.sub(
        r"(\S+@\S+)|([a-z]+)", lambda found: found[1] or found[2].upper(), text
    ),
    "indented": lambda text: re.sub(r"(?m)^(?=.)", "   ", text),
    "with empty lines between": lambda text: text.replace("\n", "\n\n"),
    "without empty lines": lambda text: re.sub(r"\n{2,}", "\n", text),
    "without what it returns": lambda text: text.partition("Received: from digest")[0],
    "with an offer of help": lambda text: f"For help write to\nhelpdesk@isp.example\nor call us.\n\n{text}",
    "with a signature": lambda text: (
        text.partition("Received: from digest")[0]
        + "\n-- \nThe mail team. Questions? Write to helpdesk@isp.example\n"
    ),
    "without angle brackets": lambda text: re.sub(r"<([\w.+-]+@[\w.-]+)>", r"\1", text),
}


@pytest.mark.parametrize("hand", HANDS)
@pytest.mark.parametrize("shape", LETTERS)
def test_they_are_read_however_their_lines_stand(shape: str, hand: str) -> None:
    sender, subject, text, wanted = LETTERS[shape]
    told = classify(machine(sender, subject, HANDS[hand](text)))
    assert {one.address.casefold(): one.permanent for one in told.recipients} == wanted


@pytest.mark.parametrize("shape", LETTERS)
def test_they_are_read_from_a_sender_of_any_name(shape: str) -> None:
    _, subject, text, wanted = LETTERS[shape]
    told = classify(machine("noreply@isp.example", subject, text))
    assert {one.address: one.permanent for one in told.recipients} == wanted


NAMING = {
    "a numbered list": f"It could not be delivered:\n\n 1. {ANNA} - user unknown\n 2. {BOB} - user unknown\n",
    "a list with marks": f"Delivery to these recipients failed:\n\n  * {ANNA}\n  * {BOB}\n\nReason: no such user\n",
    "one sentence": f"Your message could not be delivered to: {ANNA}, {BOB}\n\nReason: user unknown\n",
    "names": f'Delivery failed for:\n\n  "Anna A." <{ANNA}>: user unknown\n  \'Bob\' <{BOB}>: user unknown\n',
    "links": f"Delivery failed for:\n\nAnna A.<mailto:{ANNA}>\nBob<mailto:{BOB}>\n\nuser unknown\n",
}


@pytest.mark.parametrize("naming", NAMING)
def test_several_are_found_however_they_are_named(naming: str) -> None:
    told = classify(machine("MAILER-DAEMON@relay.example", "Undelivered Mail", NAMING[naming]))
    assert {one.address: one.permanent for one in told.recipients} == {ANNA: GONE, BOB: GONE}


ONE = {
    "the mailbox in quotes": f"Sorry, the mailbox '{ANNA}' is full. For help, contact helpdesk@relay.example.\n",
    "the fields of the mail": (
        f"Your message\n\n  From:    news@digest.example\n  To:      {ANNA}\n  Subject: The day\n"
        "  Sent:    1 Jan 2015\n\ncould not be delivered because the mailbox is full.\n"
    ),
    "a notice of a virus": (
        f"Our content checker found a virus in your mail to the following recipient:\n-> {ANNA}\n\nDelivery was stopped!\n"
    ),
    "one who was made from another": (
        f"A message that you sent could not be delivered. The following address failed:\n\n  {ANNA}\n"
        f"    (generated from {BOB})\n    mailbox is full\n"
    ),
    "a half sentence of help": (
        f"Your message could not be delivered. If you need any further assistance with\nhelp@isp.example\n\n{ANNA}:"
        " mailbox is full\n"
    ),
}


@pytest.mark.parametrize("naming", ONE)
def test_one_is_found_beside_others_who_did_not_fail(naming: str) -> None:
    told = classify(machine("MAILER-DAEMON@relay.example", "Undelivered Mail", ONE[naming]))
    assert {one.address: one.permanent for one in told.recipients} == {ANNA: STAYS}


# People, and machines that mean something else

QUOTED = f"Delivery to the following recipient failed:\n  {ANNA}\n550 user unknown\n"
PEOPLE = {
    "asked on a list": ("[talk] Undeliverable mail", "List-Id: <talk.lists.example>\n"),
    "answered": ("Re: Undeliverable mail", "In-Reply-To: <1@people.example>\n"),
    "passed on": ("Fwd: failure notice", ""),
}


@pytest.mark.parametrize("how", PEOPLE)
def test_people_who_show_each_other_such_letters_are_people(how: str) -> None:
    subject, field = PEOPLE[how]
    mail = f"From: Carl <carl@people.example>\nTo: talk@lists.example\nSubject: {subject}\n{field}\nLook:\n\n{QUOTED}"
    told = classify(mail.encode())
    assert (told.kind, told.recipients) == (Kind.ORDINARY, ())


@pytest.mark.parametrize("command", ["talk-owner", "talk-request", "talk-bounces", "owner-talk", "postmaster"])
def test_the_addresses_that_a_list_is_run_by_are_no_readers(command: str) -> None:
    text = f"Your mail could not be delivered:\n\n{command}@lists.example\n"
    assert not classify(machine("MAILER-DAEMON@relay.example", "Undelivered Mail", text)).recipients
