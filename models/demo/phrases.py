"""Phrasings of small talk and of requests the demo cannot serve; `{}` a noun, `#` a number."""

from __future__ import annotations


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split("|")]


SMALL_TALK: dict[str, dict[bool, list[str]]] = {
    "greet": {
        False: _parts("""
            Hi | Hello! | Hello | Hey | Hi there | Good morning | Good evening! | Hey there! |
            Hi! | How are you? | Hello, how are you? | Good day | Greetings | Yo | Hello there! |
            Hi, how are you?
            """),
        True: _parts("""
            Hallo | Hallo! | Guten Tag | Guten Morgen! | Guten Abend | Servus | Moin | Grüß Gott |
            Hallo du | Wie geht es dir? | Hallo, wie geht's? | Grüß dich | Na, wie geht es? |
            Hallöchen
            """),
    },
    "who": {
        False: _parts("""
            Who are you? | What are you? | What can you do? | Who made you? | What is your name? |
            What's your name? | Which model are you? | Are you QwQ? | Are you a robot? |
            Are you ChatGPT? | Tell me about yourself. | Introduce yourself. |
            Please introduce yourself. | What model is this? | What are your skills? |
            How can you help me? | What can I ask you? | Can you help me? | Help |
            What do you do? | Are you an AI? | Are you human? | What kind of model are you? |
            Who am I talking to? | Describe yourself. | What is this? | What are you able to do? |
            Are you a language model? | Who is this? | Tell me who you are. |
            Tell me what you can do. | What things can you do? | Who or what are you? |
            How big are you?
            """),
        True: _parts("""
            Wer bist du? | Was bist du? | Was kannst du? | Wie heißt du? | Wer hat dich gemacht? |
            Welches Modell bist du? | Bist du QwQ? | Bist du ein Mensch? | Bist du eine KI? |
            Stell dich vor. | Stelle dich bitte vor. | Erzähl mir von dir. |
            Was kann ich dich fragen? | Wobei kannst du helfen? | Kannst du mir helfen? | Hilfe |
            Was machst du? | Was sind deine Fähigkeiten? | Wie ist dein Name? |
            Mit wem spreche ich? | Bist du ein Sprachmodell? | Sag mir, wer du bist. |
            Was kannst du alles? | Wer bist denn du?
            """),
    },
    "thanks": {
        False: _parts("""
            Thanks | Thank you | Thank you! | Thanks a lot! | Thank you very much |
            Great, thanks | Thx
            """),
        True: _parts("""
            Danke | Danke! | Vielen Dank | Danke schön | Danke dir | Super, danke!
            """),
    },
    "bye": {
        False: _parts("""
            Bye | Goodbye | Bye bye | See you | Good night | See you later! | Goodbye!
            """),
        True: _parts("""
            Tschüss | Auf Wiedersehen | Bis bald | Gute Nacht | Bis später! | Ciao
            """),
    },
}

FILLERS: dict[bool, list[str]] = {
    False: _parts("""
        the | a | of | in | to | and | is | for | with | on | how | why | when | can | what |
        which | many | larger | my | your | about | who | does | word | it | from | do | you |
        explain | write | tell | me | are | there | letter | number | than | this
        """),
    True: _parts("""
        der | die | das | ein | eine | und | ist | im | in | zu | mit | von | wie | warum | wann |
        kann | was | welche | viele | größer | mein | dein | über | wer | wort | es | aus | du |
        erkläre | schreibe | sag | mir | sind | gibt | buchstabe | zahl | dieser
        """),
}

FORMS: dict[bool, list[str]] = {
    False: _parts("""
        What is the capital of {}? | What is {}? | What is a {}? | What is the meaning of {}? |
        What is the difference between {} and {}? | What is the best {} in the world? |
        What is the price of a {}? | What is the name of the {}? | What does {} mean? |
        What do you think about {}? | What do you know about {}? | What should I do with my {}? |
        What should I cook with {} and {}? | What time is it in {}? |
        What happened to the {} yesterday? | What happens if a {} meets a {}? |
        What color is a {}? | What is the weight of a {}? | What is the word for {} in German? |
        What's a {}? | What's the news about {}? | Who invented the {}? | Who is {}? |
        Who was {}? | Who wrote {}? | Who won the {} in 19#? | Who is the president of {}? |
        Who are the {}s? | Who discovered {}? | Which is larger, a {} or a {}? |
        Which is bigger: {} or {}? | Which is better, {} or {}? | Which {} should I buy? |
        Which is faster, a {} or a {}? | Which country has the most {}? |
        Is a {} larger than a {}? | Is {} healthy? | Is {} dangerous for a {}? |
        Is it true that {} is {}? | Are {}s intelligent? | How many {}s are in the {}? |
        How many {}s are there in {}? | How many people live in {}? |
        How many legs does a {} have? | How many words are in {}? | How many {}s are in a {}? |
        How many days are in a {}? | How many vowels are in {}? | How much does a {} cost? |
        How much {} is in a {}? | How does a {} work? | How do I make a {}? |
        How do I repair my {}? | How do I write a {} in Python? | How do I get to {}? |
        How do you spell {}? | How do {}s reproduce? | How old is {}? | How tall is {}? |
        How far is it from {} to {}? | How long does a {} live? | How can I learn {}? |
        How can I improve my {}? | How often should I clean my {}? | Why is the {} blue? |
        Why do {}s sleep? | Why is {} important? | Why does my {} smell? | Why did the {} fall? |
        When was the {} built? | When did {} begin? | When is the next {}? | When does {} start? |
        Where is {}? | Where can I buy a {}? | Where do {}s live? | Where does {} come from? |
        Write a poem about {}. | Write a story about a {} and a {}. |
        Write a function that sorts {}s. | Write a Python program for {}. |
        Write me a letter to my {}. | Write an essay on {}. | Write a haiku about the {} |
        Compose a song about {}. | Tell me a joke about {}. | Tell me a story |
        Tell me about {}. | Tell me the history of {} | Explain {} to me. |
        Explain how {} works. | Explain the theory of {} in simple words. | Describe a {}. |
        Describe the {} in three sentences. | Define {} | Translate {} into French. |
        Translate "the {} is in the {}" into Spanish. | Summarize the {}. |
        Summarize this text: the {} and the {} are {}. | Give me a recipe for {}. |
        Give me ten ideas for a {} | Give me a list of {}s. | List all {}s in {}. |
        List the {}s of the {} | Name three {}s. | Recommend a {} for my {}. |
        Suggest a name for my {}. | Plan a trip to {}. | Help me with my {}. |
        Can you write a {}? | Can you draw a {}? | Can you explain {}? | Can a {} swim? |
        Can I eat {} with {}? | Could you tell me about {}? | Do {}s dream? | Do you like {}? |
        Do you have a {}? | Does {} contain {}? | Did {} ever visit {}? |
        Should I buy a {} or a {}? | Will it rain in {} tomorrow? | Add some {} to the {}. |
        Add a {} to my list. | Compare {} and {}. | Count the {}s in the {}. | Count to #. |
        Multiply the {}s. | I need a {}. | I have a problem with my {}. | I want to learn {}. |
        I feel like a {} today. | I lost my {} in the {}. | My {} is broken. |
        My {} does not like the {}, what now? | Let's talk about {}. | Let us play {}. |
        Fix this code: for {} in {}: print({}) | def {}({}): return {} | Debug my {} |
        Solve the {} problem. | Prove that {} is {}. | Find a synonym for {}. |
        Imagine you are a {}. | Pretend to be a {} | Please describe your favourite {}. |
        Show me a {}. | Draw a {}. | Sing a song. | Make a plan for {}. | Play some {} |
        Open the {}. | Turn on the {}. | Remind me of the {}. | Search the web for {}. | {} |
        {} {} | {}? | {} or {}? | The {} is {}. | {} and {} are {}. | What is # - #? |
        What is # / #? | # - # | #/# | # - # = | Subtract # from #. | Divide # by #. |
        What is # divided by #? | What is # minus #? | What is the square root of #? |
        What is #% of #? | Is # a prime number? | What is # squared? | Solve x + # = #. |
        What happened in #? | Convert # miles to kilometers. | What year is it? |
        What day is today? | What is the weather today? | What is the meaning of life? |
        What is love? | How is the weather in {}? | Why? | Prime numbers |
        Rewrite this sentence: {} {} {}. | Sort these words: {}, {}, {}. | Reverse the word {}. |
        What rhymes with {}? | How many seconds are in # hours? | Book a {} for # people.
        """),
    True: _parts("""
        Was ist die Hauptstadt von {}? | Was ist {}? | Was ist ein {}? |
        Was ist der Unterschied zwischen {} und {}? | Was ist der Sinn von {}? |
        Was ist die beste {} der Welt? | Was bedeutet {}? | Was kostet ein {}? |
        Was weißt du über {}? | Was denkst du über {}? | Was soll ich mit {} kochen? |
        Was passiert, wenn {} auf {} trifft? | Was ist größer, ein {} oder ein {}? |
        Was ist besser: {} oder {}? | Was macht eine {}? | Was frisst ein {}? |
        Wer hat {} erfunden? | Wer ist {}? | Wer war {}? | Wer hat {} geschrieben? |
        Wer ist der Präsident von {}? | Wer regiert {}? | Welche {} soll ich kaufen? |
        Welches {} ist schneller? | Welche Farbe hat {}? | Wie viele {} gibt es in {}? |
        Wie viele Menschen leben in {}? | Wie viele Beine hat ein {}? |
        Wie viele Tage hat ein {}? | Wie viel kostet {}? | Wie viel wiegt ein {}? |
        Wie funktioniert ein {}? | Wie funktioniert {}? | Wie macht man {}? |
        Wie repariere ich meine {}? | Wie alt ist {}? | Wie hoch ist der {}? |
        Wie weit ist es von {} nach {}? | Wie lange lebt ein {}? | Wie kann ich {} lernen? |
        Wie komme ich nach {}? | Wie wird das Wetter in {}? | Wie schreibt man {}? |
        Warum ist der {} blau? | Warum schlafen {}? | Warum ist {} wichtig? | Warum gibt es {}? |
        Wann wurde {} gebaut? | Wann beginnt {}? | Wann ist der nächste {}? | Wo liegt {}? |
        Wo kann ich {} kaufen? | Wo wohnt der {}? | Woher kommt {}? |
        Schreibe ein Gedicht über {}. | Schreib mir eine Geschichte über {} und {}. |
        Schreibe ein Programm für {}. | Schreibe einen Brief an {} |
        Verfasse einen Aufsatz über {}. | Dichte etwas über {} | Erzähl mir einen Witz über {}. |
        Erzähle mir etwas über {}. | Erzähl mir eine Geschichte. | Erkläre mir {}. |
        Erkläre, wie {} funktioniert. | Beschreibe {}. | Beschreibe den {} in drei Sätzen |
        Definiere {} | Übersetze {} ins Englische. | Übersetze: der {} ist im {}. |
        Fasse {} zusammen. | Gib mir ein Rezept für {}. | Gib mir zehn Ideen für {} |
        Nenne drei {}. | Nenne alle {} in {}. | Liste die {} auf | Empfiehl mir ein {}. |
        Plane eine Reise nach {}. | Hilf mir mit {}. | Kannst du ein {} malen? |
        Kannst du {} erklären? | Kann ein {} schwimmen? | Kann man {} essen? | Ist {} gesund? |
        Ist {} gefährlich? | Ist ein {} größer als ein {}? | Sind {} klug? | Träumen {}? |
        Magst du {}? | Hast du einen {}? | Soll ich {} oder {} nehmen? |
        Wird es morgen in {} regnen? | Addiere etwas {} zu {}. | Vergleiche {} und {}. |
        Zähle die {} im {}. | Zähle bis #. | Ich brauche einen {}. |
        Ich habe ein Problem mit {}. | Ich möchte {} lernen. | Ich habe meine {} verloren. |
        Mein {} ist kaputt. | Meine {} mag die {} nicht, was nun? | Lass uns über {} reden. |
        Spiel {} mit mir. | Beweise, dass {} ist. | Suche ein anderes Wort für {}. |
        Stell dir vor, du bist ein {}. | Zeig mir ein {}. | Zeichne einen {}. | Sing ein Lied. |
        Öffne die {}. | Schalte das {} ein. | Das {} ist im {}. | Der {} und die {} | Die {}? |
        Was ist # - #? | Was ist # minus #? | Was ist # geteilt durch #? | Wie viel ist # / #? |
        Ziehe # von # ab. | Teile # durch #. | Was ist die Wurzel aus #? | Ist # eine Primzahl? |
        Was geschah #? | Welcher Tag ist heute? | Wie ist das Wetter heute? | Was ist Liebe? |
        Warum? | Was reimt sich auf {}? | Sortiere diese Wörter: {}, {}, {}.
        """),
}
