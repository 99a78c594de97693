"""The words whose full stop need not end a sentence, and the words that show that it did.

Spelled exactly as they are printed, since case tells apart `Sen.` (a senator) and the Turkish `sen.` (you, at
the end of a sentence). Single letters (J. P. Marsh, M. Dupont, г. Москва) and dotted letters (U.S., т.е.)
need no entry, unless nothing but more of the sentence can follow (e.g., z.B.).
"""


def _words(table: str) -> frozenset[str]:
    lines = (line.partition("#")[0] for line in table.splitlines())
    return frozenset(word for line in lines for word in line.split())


BEFORE_A_NAME = _words("""
    # English
    Mr Mrs Ms Messrs Dr Drs Prof Hon Rev Fr Gov Sen Sens Rep Reps Pres Gen Adm Col Maj Capt Cmdr Lt
    Sgt Cpl Pvt Supt Insp Det Mt Ft vs
    # German, Danish, Swedish, Dutch
    Hr Hrn Dipl Ing Skt dr prof dhr mevr mw drs
    # French
    Mme Mmes Mlle Mgr
    # Spanish, Portuguese
    Dra Sra Srta Sres Sras Dña Exmo Exma Profa Profª sr sra
    # Italian
    Sig Sigg Dott Avv Geom Mons sig dott avv
    # Polish, Czech
    św ul inż mgr
    # Turkish
    Doç Av Öğr Gör
    # Russian
    проф акад доц им ул просп наб св ген
    # Hindi
    डॉ प्रो श्री मि
    # for example, that is, among others
    e.g i.e z.B Z.B d.h D.h u.a p.ej p.ex f.eks t.ex bl.a o.a m.in bspw Bspw bijv np tzw tzn např tzv tj
    ejem напр ca Ca cf Cf viz approx vgl Vgl bzw sog inkl ggf evtl geb
""")
"""Never the end of a sentence."""

BEFORE_A_NUMBER = _words("""
    No no Nos nos Nr nr Num num núm Núm nº N° n° vol Vol pp pag Pag pág págs Pág art Art arts Arts fig
    Fig Figs cap Cap ch Ch chap sec Sec Abs Ziff Kap Bd para ver Op op tel Tel Tél tél str Str blz kl ст
    стр рис гл Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Okt Dez janv févr avr juil déc
""")
"""The end of a sentence unless a number follows."""

AMBIGUOUS = _words("""
    # companies, places, titles that may stand last
    Inc Ltd Co Corp Bros LLC Cos Jr Sr Esq MM Ud Uds Arch doc sv TP TS ThS GS PGS Ave Blvd Rd Dept Univ
    Assn St Str Cia Cía Ltda Pty Ariz Calif Colo Conn Fla Mich Minn Tenn Wis EE UU
    # units and the like
    Chr Jh Jhd Jhdt Mio Mrd Tsd Hrsg гг вв тыс млн млрд руб долл коп кв чел др tys mln mld min bl apr av
    env
""")
"""The end of a sentence only where the next word is one of `OPENERS`."""

OPENERS = _words("""
    # English
    A About After All Also Although An And Another As At Because Before Both But By Despite During Each
    Even For From He Her Here His How However I If In Instead It Its Last Later Many Meanwhile More Most
    My Nearly No Not Now On Once One Only Or Other Others Our Several She Since So Some Still Such That
    The Their Then There These They This Those Though Through Thus To Two Under Until We Were What When
    Where Whether Which While Who Why With Yet You
    # German
    Aber Als Am Auch Auf Aus Bei Beim Bis Da Dabei Damit Danach Dann Darauf Das Dazu Den Dem Der Des
    Deshalb Die Dies Diese Dieser Dieses Doch Durch Ein Eine Einen Einer Er Es Für Gegen Hier Ich Ihr
    Ihre Im Ist Jedoch Man Mehr Mit Nach Nachdem Nicht Noch Nun Nur Ob Obwohl Ohne Schon Sein Seine Seit
    Seitdem Sie Sowohl Trotz Über Um Und Unter Viele Vom Von Vor Wann Warum Was Weil Wenn Wer Wie Wir Wo
    Zu Zudem Zum Zur Zwar Zwei
    # French, Spanish, Portuguese, Italian; not the articles that also open names (Le, La, De)
    Les Un Une Il Ils Elle Elles Nous Vous Je Ce Cette Ces Cet Mais Dans En Pour Par Sur Avec Après
    Avant Selon Son Sa Ses Leur Leurs Depuis Lorsque Quand Si Où Cela Ainsi El Los Las Una Ella Ellos
    Pero Para Por Con Sin Desde Según Cuando Este Esta Estos Estas Ese Esa Su Sus Se Lo También Aunque
    Como Al Hay Ya O Os Um Uma Ele Ela Eles Elas Mas Não Na Nos Nas Em Com Segundo Quando Seu Sua Isso
    Essa Esse Também Embora Gli Uno Lui Lei Loro Ma Per Nel Nella Nei Dopo Questo Questa Questi Queste
    Quello Secondo Anche Mentre Dal Dalla Alla È
    # Turkish
    Bu Şu Bir Ancak Ama Fakat Ve Ayrıca Böylece Daha Sonra Onun Onlar Biz Ben Sen Siz İlk Çünkü
    # Russian
    Он Она Оно Они Это Этот Эта Эти В Во На По И Но А Мы Я Вы Как Когда Если После При Для Из За От До К
    С У Также Однако Его Её Ее Их Тогда Там Так Что Кто Где Все Всё Только Уже Более Ещё Еще Не Затем
""")
"""Words that open sentences and hardly ever names, as written there."""

ORDINAL_LANGUAGES = _words("az bs cs da de et eu fi fo hr hu is lb lv nb nn no pl sk sl sr tr")
"""Languages that write ordinals as a number and a full stop: am 3. Oktober, 20. yüzyıl."""
