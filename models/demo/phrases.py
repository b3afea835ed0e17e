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
        explain | write | tell | me | are | there | letter | number | than | this | that | these |
        those | be | was | were | been | am | have | has | had | having | not | no | yes | but |
        or | if | then | so | because | as | at | by | into | out | up | down | over | under |
        again | further | once | here | all | any | both | each | few | more | most | other | some |
        such | only | own | same | too | very | will | just | should | now | would | could | may |
        might | must | shall | like | likes | love | hate | want | wants | need | needs | know |
        knows | think | thinks | see | saw | look | looks | find | found | give | gave | take |
        took | make | made | get | got | go | goes | went | come | came | say | said | says | ask |
        asked | eat | ate | drink | sleep | run | walk | talk | speak | read | sing | play | work |
        live | die | open | close | turn | start | stop | help | show | buy | sell | send | order |
        call | keep | let | put | set | use | try | feel | leave | hurts | hurt | works | cost |
        costs | happens | happened | begins | ends | contains | new | old | good | bad | best |
        better | worst | big | small | long | short | high | low | first | last | next | early |
        late | young | great | little | hot | cold | red | blue | green | black | white | free |
        true | false | left | right | easy | hard | every | someone | something | nothing |
        anything | people | man | woman | child | friend | house | home | world | life | day |
        night | week | month | year | time | today | tomorrow | yesterday | morning | evening |
        name | place | thing | way | part | problem | question | answer | idea | list | table |
        text | story | poem | song | joke | recipe | news | weather | price | language | English |
        French | German | Spanish | sentence | code | file | please | thanks | between | without |
        before | after | during | against | around | through | while | where | whose | whom | its |
        his | her | their | our | us | them | they | we | he | she | him | myself | yourself |
        also | always | never | often | sometimes | maybe | really | quite | almost | enough |
        much | less | two | three | ten | hundred | near | far | away | back | translate |
        describe | compare | sort | count | add | pick | choose | guess | draw | fix | solve |
        book | plan | remind | search | recommend | suggest | define | convert | round | reverse |
        visit | ever | dream | fly | swim | died | born | built | won | killed | painted |
        invented | vs | dinner
        """),
    True: _parts("""
        der | die | das | ein | eine | und | ist | im | in | zu | mit | von | wie | warum | wann |
        kann | was | welche | viele | größer | mein | dein | über | wer | wort | es | aus | du |
        erkläre | schreibe | sag | mir | sind | gibt | buchstabe | zahl | dieser | diese | dieses |
        den | dem | des | einen | einem | einer | eines | kein | keine | keinen | nicht | ja |
        nein | doch | aber | oder | wenn | dann | weil | dass | als | ob | auch | nur | noch |
        schon | sehr | mehr | viel | wenig | alle | alles | jeder | jede | etwas | nichts | immer |
        nie | oft | heute | morgen | gestern | jetzt | hier | dort | da | wo | wohin | woher |
        womit | woraus | wozu | wen | wem | wessen | welcher | welches | ich | er | sie | wir |
        ihr | mich | dich | ihn | uns | euch | ihm | ihnen | sein | seine | ihre | meine | deine |
        unser | bin | bist | war | waren | wird | werden | wurde | wurden | hat | habe | hast |
        haben | hatte | können | kannst | könnte | muss | musst | müssen | soll | sollte | will |
        willst | wollen | darf | dürfen | mag | magst | möchte | machen | macht | mach | gehen |
        geht | ging | kommen | kommt | kam | sehen | sieht | sah | finden | findet | finde | geben |
        gib | nehmen | nimm | sagen | sagt | fragen | essen | isst | trinken | schlafen | schläft |
        laufen | läuft | singen | singt | spielen | spielt | arbeiten | wohnen | wohnt | leben |
        lebt | sterben | starb | fliegen | fliegt | schwimmen | kaufen | kauft | kosten | kostet |
        heißt | bedeutet | funktioniert | hilf | helfen | hilft | zeig | zeige | suche | such |
        kenne | kennst | weiß | weißt | denke | glaubst | brauche | bring | hol | öffne | schließe |
        stelle | lies | male | koche | baue | ordne | nenne | zähle | vergleiche | addiere |
        berechne | übersetze | beschreibe | erzähl | erzähle | verbessere | korrigiere | gut |
        schlecht | neu | alt | groß | klein | lang | kurz | hoch | schnell | langsam | schön |
        teuer | billig | rot | blau | grün | schwarz | warm | kalt | erste | ersten | letzte |
        nächste | beste | besser | bitte | danke | unter | vor | nach | seit | bis | durch | für |
        gegen | ohne | um | auf | an | bei | zwischen | neben | zum | zur | vom | beim | ins | am |
        mann | frau | kind | freund | haus | welt | tag | nacht | woche | monat | jahr | zeit |
        abend | name | ort | ding | teil | problem | frage | antwort | idee | liste | text | lied |
        witz | rezept | nachrichten | wetter | preis | sprache | satz | deutsch | englisch | zwei |
        drei | zehn | hundert | zusammen | allein | wirklich | vielleicht | genug | fast | ganz |
        also | damit | darum | deshalb | trotzdem | los | neues | wurzel | hälfte
        """),
}
"""Common words, by which a language is recognised whatever else is said."""

FORMS: dict[bool, list[str]] = {
    False: _parts("""
        What is the capital of {}? | What is {}? | What is a {}? | What is the meaning of {}? |
        What is the difference between {} and {}? | What is the best {} in the world? |
        What is the price of a {}? | What is the name of the {}? | What does {} mean? |
        What do you think about {}? | What do you know about {}? | What should I do with my {}? |
        What should I cook with {} and {}? | What time is it in {}? |
        What happened to the {} yesterday? | What happens if a {} meets a {}? |
        What color is a {}? | What is the weight of a {}? | What is the word for {} in German? |
        What's a {}? | What's the news about {}? | Who invented the {}? | Who is {}? | Who was {}? |
        Who wrote {}? | Who won the {} in 19#? | Who is the president of {}? | Who are the {}s? |
        Who discovered {}? | Which is larger, a {} or a {}? | Which is bigger: {} or {}? |
        Which is better, {} or {}? | Which {} should I buy? | Which is faster, a {} or a {}? |
        Which country has the most {}? | Is a {} larger than a {}? | Is {} healthy? |
        Is {} dangerous for a {}? | Is it true that {} is {}? | Are {}s intelligent? |
        How many {}s are in the {}? | How many {}s are there in {}? | How many people live in {}? |
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
        Compose a song about {}. | Tell me a joke about {}. | Tell me a story | Tell me about {}. |
        Tell me the history of {} | Explain {} to me. | Explain how {} works. |
        Explain the theory of {} in simple words. | Describe a {}. |
        Describe the {} in three sentences. | Define {} | Translate {} into French. |
        Translate "the {} is in the {}" into Spanish. | Summarize the {}. |
        Summarize this text: the {} and the {} are {}. | Give me a recipe for {}. |
        Give me ten ideas for a {} | Give me a list of {}s. | List all {}s in {}. |
        List the {}s of the {} | Name three {}s. | Recommend a {} for my {}. |
        Suggest a name for my {}. | Plan a trip to {}. | Help me with my {}. | Can you write a {}? |
        Can you draw a {}? | Can you explain {}? | Can a {} swim? | Can I eat {} with {}? |
        Could you tell me about {}? | Do {}s dream? | Do you like {}? | Do you have a {}? |
        Does {} contain {}? | Did {} ever visit {}? | Should I buy a {} or a {}? |
        Will it rain in {} tomorrow? | Add some {} to the {}. | Add a {} to my list. |
        Compare {} and {}. | Count the {}s in the {}. | Count to #. | Multiply the {}s. |
        I need a {}. | I have a problem with my {}. | I want to learn {}. |
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
        What rhymes with {}? | How many seconds are in # hours? | Book a {} for # people. |
        Who won the {} of #? | Who was king of {} in #? | Who was the first {}? | Who sings {}? |
        Who painted the {}? | Who plays {}? | Who built {}? | Who killed the {}? | Who owns {}? |
        Who is the {} in {}? | What's the capital of {}? | What's the best {}? |
        What's wrong with my {}? | What's the time? | What's the weather like in {}? |
        What's your favourite {}? | What's new in {}? | What's the population of {}? |
        What's for dinner? | What's the {} of {}? | What's the opposite of {}? |
        What's another word for {}? | What's the plural of {}? | How many minutes are in # days? |
        How many hours are in a {}? | How many grams are in # {}s? | How many letters are in {}? |
        How many syllables does {} have? | How many {}s does a {} have? |
        How many times did {} win? | How many {}s should I buy? | How many {}s fit in a {}? |
        How many people speak {}? | How many countries are in {}? | How many planets are there? |
        How many bits are in # bytes? | How many years ago was #? | How many of the {}s are {}? |
        How much time is left? | How much is the {}? | How much water is in {}? |
        How much does it weigh? | How big is {}? | How hot is the {}? | How deep is the {}? |
        How fast is a {}? | How dangerous is {}? | How did {} end? | How did the {} become {}? |
        How do you say {} in French? | How do you play {}? | How would you fix {}? |
        How should I store my {}? | How to cook {} | How to learn {} | How to fix a {} in {} |
        Translate this to German: {} {} {} | Translate "{}" to Italian |
        Translate the word {} into Latin. | Translate {} and {}. |
        Please translate {} into English. | Say {} in Spanish. | Write {} in capital letters. |
        Write an email to my {}. | Write code for a {}. | Write a short text about {}. |
        Write a limerick about a {}. | Write a song for {}. | Write a test for this {}. |
        Write a sentence with {} and {}. | Write down # {}s. | What is the cube root of #? |
        What is the root of #? | What is # to the power of #? | What is the factorial of #? |
        What is # mod #? | What is # in binary? | What is # in words? | What is half of #? |
        What is a third of #? | What is the average of #, # and #? | What comes after {}? |
        What comes after #, #, #? | What is the next prime after #? |
        What is the derivative of {}? | What is pi? | What is the sine of #? |
        What is the logarithm of #? | Round # to tens. | Is # even? | Is # odd? | Factor #. |
        Double #. | Halve #. | List the divisors of #. | Sort #, #, # and #. |
        Convert # to Roman numerals. | Convert # euros to dollars. |
        Convert # degrees to Fahrenheit. | What percentage of # is #? | Solve {} = # for {}. |
        Integrate {}. | Simplify #/#. | {} - {} | # {}s | # | # # |
        I have # {}s and eat #, how many are left? | A {} costs #, what do # {}s cost? |
        If a {} has # legs, how many have # {}s? | Count from # to #. | Count backwards from #. |
        Count all {}s. | Count the words in this sentence. | Count the vowels in {}. |
        Add {} to {} and stir. | Add a comment to this code. | Compare a {} with a {}. |
        Compare {} to {} in a table. | Which {} is the {}? | Which {} won? |
        Which language is spoken in {}? | Which team plays in {}? | Which of the {}s is red? |
        Which is heavier, {} or {}? | Which is older, the {} or the {}? |
        Which is healthier: {} or {}? | Is {} a {}? | Is there a {} in {}? | Is the {} open today? |
        Is it cold in {}? | Is my {} normal? | Are there {}s on {}? | Are {} and {} friends? |
        Was {} a {}? | Were there {}s in #? | Can {}s fly? | Can you see the {}? | Can you sing? |
        Can you read my {}? | Can you help me with my {}? | Can you find the {}? |
        Can you recommend a {}? | Could {} win? | Would you eat a {}? | Do {}s eat {}s? |
        Do you know {}? | Do I need a {}? | Does a {} have a {}? | Does {} hurt? |
        Did you see the {}? | Has {} ever been to {}? | Have you read {}? | Why are {}s so {}? |
        Why do I need {}? | Why is # unlucky? | Why not? | Why should I learn {}? |
        Why was {} built? | When did the {} end? | When was {} born? | When do {}s sleep? |
        When should I plant {}? | Where did {} live? | Where is the nearest {}? |
        Where was the {} found? | Where can I learn {}? | Tell me a fact about {}s. |
        Tell me why {}. | Tell me how to make {}. | Tell me a secret. | Tell the {} to stop. |
        Explain the difference between {} and {}. | Explain {} like I am five. | Explain this {}. |
        Explain why {}s {}. | Describe how a {} looks. | Give me a quote about {}. |
        Give me the news. | Give me a {} for {}. | Give an example of {}. | Show all {}s. |
        Show me how to {}. | Help me write a {}. | Help me find my {}. | Help me to understand {}. |
        Teach me {}. | Teach me how to {}. | Guess my {}. | Guess a number. | Choose a {}. |
        Pick a number from 1 to #. | Roll a dice. | Flip a coin. | Set a timer for # minutes. |
        Wake me at #. | Call {}. | Send a {} to {}. | Buy # {}s. | Order a {}. |
        Order the {}s by size. | Delete the {}. | Close the {} please. | Read the {} aloud. |
        Check my {}. | Correct this: {} {} {} | Improve this text: the {} is {}. |
        Shorten this: {} and {} and {}. | Paraphrase: {} {} {} {}. | Find the {} in {}. |
        Find all {}s. | Make me a {}. | Make a table of {}s. | Make a joke. | Create a {} for {}. |
        Create a password. | Invent a {}. | Design a {}. | Review my {}. | Evaluate {}. |
        Analyse the {} of {}. | Discuss {}. | Argue for {}. | Prove {}. | Refactor this {}. |
        import {} | print({}) | SELECT {} FROM {} | sudo {} | git {} | I am {}. | I am hungry. |
        I am # years old. | I think {} is {}. | I want a {}. | I like {}. | I hate {}s. |
        I saw a {} in the {}. | I bought # {}s. | I live in {}. | My name is {}. | My {} has a {}. |
        My {} hurts. | We need # {}s. | You are a {}. | You are wrong. | It is {}. | That is {}. |
        This {} is {}. | There is a {} in my {}. | The {} eats the {}. | The {} of {} in {} |
        Once upon a time there was a {} | Yes | No | Maybe | Really? | Go on | Continue | Stop |
        Again | Ok | Test | Nothing | More {} | No {} | Some {} and a {} | {}, {} and {} | {}: {} |
        {}! | {} {} {} | {} {} {} {}? | {} vs {} | {} in {} | best {} | {} recipe | {} meaning |
        Count up from # to #. | Count on from #. | Count by # up to #. |
        Sort these numbers: #, #, #. | Sort # and #. | Put # and # in order. |
        Order these numbers: #, #, #, # | What is the mean of # and #? |
        What is the median of #, # and #? | Choose a number between # and #. |
        Name a number from # to #. | Pick a prime between # and #. |
        Think of a number from # to #. | Guess my number between # and #. | Average #, # and #. |
        Average of # and # | What comes between # and #? | What comes before #? |
        What follows #, #, #? | Continue the series #, #, #. | Give me a random number up to #. |
        List the numbers from # to #. | Which numbers are between # and #? | Is # a multiple of #? |
        Is # a square? | Best {} in {} | Best way to {} | {} or {}, which is nicer? | I love {}. |
        I know {}. | I see a {}. | I ate {}. | I eat {} with {}. | I play {}. | I feel {}. |
        I do not like {}. | I really like my {}. | My {} aches. | My {} is {}. | My {} works well. |
        Have you ever seen a {}? | Did {} win? | Did they find {}? | Did you like {}? |
        Argue against {}. | Please summarize {} in English. | Please explain {}. |
        Please write about {}. | Translate this. | Translate into English: {} |
        List three {}s from {}. | List some {}. | {} cake recipe | {} soup | easy {} recipe |
        good {} | new {}
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
        Wie viele Menschen leben in {}? | Wie viele Beine hat ein {}? | Wie viele Tage hat ein {}? |
        Wie viel kostet {}? | Wie viel wiegt ein {}? | Wie funktioniert ein {}? |
        Wie funktioniert {}? | Wie macht man {}? | Wie repariere ich meine {}? | Wie alt ist {}? |
        Wie hoch ist der {}? | Wie weit ist es von {} nach {}? | Wie lange lebt ein {}? |
        Wie kann ich {} lernen? | Wie komme ich nach {}? | Wie wird das Wetter in {}? |
        Wie schreibt man {}? | Warum ist der {} blau? | Warum schlafen {}? | Warum ist {} wichtig? |
        Warum gibt es {}? | Wann wurde {} gebaut? | Wann beginnt {}? | Wann ist der nächste {}? |
        Wo liegt {}? | Wo kann ich {} kaufen? | Wo wohnt der {}? | Woher kommt {}? |
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
        Zähle die {} im {}. | Zähle bis #. | Ich brauche einen {}. | Ich habe ein Problem mit {}. |
        Ich möchte {} lernen. | Ich habe meine {} verloren. | Mein {} ist kaputt. |
        Meine {} mag die {} nicht, was nun? | Lass uns über {} reden. | Spiel {} mit mir. |
        Beweise, dass {} ist. | Suche ein anderes Wort für {}. | Stell dir vor, du bist ein {}. |
        Zeig mir ein {}. | Zeichne einen {}. | Sing ein Lied. | Öffne die {}. |
        Schalte das {} ein. | Das {} ist im {}. | Der {} und die {} | Die {}? | Was ist # - #? |
        Was ist # minus #? | Was ist # geteilt durch #? | Wie viel ist # / #? | Ziehe # von # ab. |
        Teile # durch #. | Was ist die Wurzel aus #? | Ist # eine Primzahl? | Was geschah #? |
        Welcher Tag ist heute? | Wie ist das Wetter heute? | Was ist Liebe? | Warum? |
        Was reimt sich auf {}? | Sortiere diese Wörter: {}, {}, {}. | Wer hat # gewonnen? |
        Wer gewann {} im Jahr #? | Wer war der erste {}? | Wer singt {}? | Wer hat den {} gebaut? |
        Wer spielt {}? | Wer ist der beste {}? | Was gibt es Neues über {}? |
        Was gibt es zu essen? | Was ist die Wurzel von #? | Was ist # hoch #? |
        Was ist die Hälfte von #? | Was ist #% von #? | Was ist # in Worten? | Was sind {}? |
        Was heißt {} auf Englisch? | Was hilft gegen {}? | Was kann ein {}? |
        Was brauche ich für {}? | Was war # los? | Was isst ein {}? | Was macht {} in {}? |
        Was ist mit {} los? | Was ist der beste {}? | Was ist das Gegenteil von {}? |
        Was kommt nach {}? | Was kommt nach #, #, #? | Was soll das? | Was läuft im {}? |
        Was trägt ein {}? | Wie viele Sekunden hat eine Stunde? |
        Wie viele Minuten sind # Stunden? | Wie viele Gramm sind # Kilo? |
        Wie viele Silben hat {}? | Wie viele Vokale hat {}? | Wie viele {} passen in {}? |
        Wie viele Länder gibt es? | Wie viele {} hat ein {}? | Wie viele {} brauche ich? |
        Wie viele Einwohner hat {}? | Wie viele Wörter sind in {}? | Wie viel Uhr ist es? |
        Wie viel Zeit habe ich? | Wie viel {} ist in {}? | Wie viel Prozent sind # von #? |
        Wie groß ist {}? | Wie schnell ist ein {}? | Wie schwer ist {}? | Wie heiß ist {}? |
        Wie tief ist {}? | Wie sagt man {}? | Wie spielt man {}? | Wie koche ich {}? | Wie war {}? |
        Wie endet {}? | Wie oft soll ich {}? | Wie heißt der {} von {}? | Wie wird man {}? |
        Wie geht {}? | Welcher {} ist besser? | Welche Sprache spricht man in {}? |
        Welches {} passt zu {}? | Welcher {} ist rot? | Warum nicht? | Warum hat ein {} {}? |
        Warum soll ich {} lernen? | Warum sind {} so teuer? | Warum fällt der {}? | Wann war {}? |
        Wann kommt {}? | Wann starb {}? | Wann schläft ein {}? | Wo ist {}? | Wo ist mein {}? |
        Wo steht der {}? | Wo gibt es {}? | Wohin fliegt der {}? | Woraus besteht {}? |
        Womit fängt man {}? | Hilf mir bei {}. | Hilf mir, {} zu finden. | Hilf meinem {}. |
        Hilf mir beim Schreiben. | Übersetze {} ins Deutsche. | Übersetze den Satz: {} und {}. |
        Übersetze das Wort {}. | Übersetze {} bitte. | Schreibe {} rückwärts. |
        Schreibe eine Mail an {}. | Schreibe einen Satz mit {}. | Schreibe ein Lied für {}. |
        Schreibe Code für {}. | Schreib etwas über {}. | Erzähl von {}. | Erzähl mir etwas. |
        Erzähle vom {}. | Erkläre den {}. | Erkläre mir den Unterschied zwischen {} und {}. |
        Erkläre {} einfach. | Beschreibe mir {}. | Gib mir {}. | Gib mir ein Beispiel für {}. |
        Gib mir die Nachrichten. | Zeige alle {}. | Zeig mir den {}. | Suche {}. |
        Suche den {} im {}. | Finde {}. | Finde einen Fehler in {}. | Mach einen Plan für {}. |
        Mach mir {}. | Mach Musik. | Mach das {} aus. | Baue einen {}. | Male {}. | Koche {}. |
        Kaufe # {}. | Bestelle {}. | Ruf {} an. | Stelle einen Wecker auf #. | Wecke mich um #. |
        Lies {} vor. | Lies mir den {} vor. | Prüfe {}. | Verbessere {}. | Korrigiere: {} {} {} |
        Kürze: {} und {} | Ordne {}, {} und {}. | Ordne die Zahlen #, #, #. | Runde #. |
        Verdopple #. | Ist # gerade? | Ist # durch # teilbar? | Ist {} ein {}? | Ist der {} offen? |
        Ist das {}? | Ist mein {} krank? | Gibt es {} in {}? | Gibt es {}? | Darf ich {} essen? |
        Darf man {}? | Muss ich {}? | Soll ich {}? | Kann {} fliegen? |
        Kann ich {} mit {} mischen? | Kannst du singen? | Kannst du {}? | Kannst du mir {} zeigen? |
        Kennst du {}? | Weißt du etwas über {}? | Hat {} einen {}? | Hat ein {} Zähne? |
        Hast du Hunger? | Haben {} Ohren? | Sind {} und {} gleich? | War {} ein {}? |
        Wurde {} gebaut? | Will {} nach {}? | Ich bin {}. | Ich bin müde. | Ich bin # Jahre alt. |
        Ich mag {}. | Ich mag keine {}. | Ich habe # {}. | Ich habe einen {} gesehen. |
        Ich habe Hunger. | Ich suche {}. | Ich will {}. | Ich wohne in {}. | Ich denke, {} ist {}. |
        Ich verstehe {} nicht. | Mein Name ist {}. | Mein {} tut weh. | Du bist ein {}. |
        Du irrst dich. | Es ist {}. | Es gibt {}. | Das ist ein {}. | Das ist falsch. |
        Der {} frisst den {}. | Der {} ist ein {}. | Die {} von {} | Ein {} im {} |
        Es war einmal ein {} | Ja | Nein | Vielleicht | Wirklich? | Weiter | Noch einmal | Gut |
        Keine {} | Mehr {}, bitte | Das {} und das {} | Ein {} ohne {} | Beste {} für {} |
        Rezept für {} | Nachrichten über {} | Zähle alle {}. | Zähle die Wörter. |
        Zähle von # bis #. | Addiere {} und {}. | Vergleiche den {} mit dem {}. |
        Vergleiche zwei {}. | Rechne {} um. | Rechne # Euro in Dollar um. | Berechne {}. |
        Löse x + # = #. | Wähle einen {}. | Rate mal. | Wirf eine Münze. | Bring mir {}. |
        Zähle vorwärts von # bis #. | Sortiere # und #. | Sortiere die Zahlen #, # und #. |
        Was ist das Mittel von # und #? | Nenne eine Zahl von # bis #. |
        Wähle eine Zahl zwischen # und #. | Was kommt vor #? | Was kommt zwischen # und #? |
        Ist # ein Vielfaches von #? | Wer tanzt {}? | Wer kocht {}? | Wer schreibt {}? |
        Wer hat {} gemalt? | Wer hat {} gesehen? | Wer war {} und wer war {}? |
        Wer war der letzte {}? | Wohin geht {}? | Wohin fährt der {}? | Wohin soll ich mit {}? |
        Kann man mit {} reden? | Kann man in {} schwimmen? | Kann man den {} sehen? |
        Kannst du tanzen? | Kannst du kochen? | Kannst du {} spielen? | Kannst du den {} finden? |
        Hilf mir, {} zu verstehen. | Hilf mir, den {} zu reparieren. | Hilf dem {}. | Ja, gerne |
        Jawohl | Doch | Na gut | Warum lachen {}? | Warum singen {}? | Wie riecht {}? |
        Wie klingt {}? | Wie beginnt {}? | Es regnet {}. | Es war {}. | Finde den {}. |
        Finde alle {}. | Erzähl von {} und {}. | Beschreibe mir den {}. |
        Verbessere diesen Satz: {} {}. | Schreibe {} auf. | Schreibe an {}. |
        Was ist der größte {}? | Was ist der Preis von {}?
        """),
}
