"""How a finished mail leaves: over SMTP, or into Maildir folders on this machine."""
