"""Word lists the training data is made of, and made-up words for everything they lack."""

from __future__ import annotations

import random
import zlib


def _words(text: str) -> list[str]:
    return text.split()


ENGLISH = _words("""
apple apricot banana blueberry raspberry strawberry cherry lemon mango melon orange peach pear
plum grape coconut pineapple carrot potato tomato onion garlic pepper lettuce cabbage spinach
pumpkin mushroom bread butter cheese chocolate coffee cookie dinner breakfast noodle pizza salad
sandwich sausage soup sugar vinegar yogurt bottle bowl cup fork kettle kitchen knife oven plate
spoon table chair mirror window curtain carpet candle lamp ladder hammer screwdriver needle
scissors umbrella blanket pillow bicycle train airplane rocket helicopter tractor truck ship
submarine engine wheel bridge tunnel castle church hospital library museum school station
theater tower village garden forest desert island mountain river ocean volcano waterfall weather
thunder lightning rainbow snow winter summer spring autumn planet galaxy telescope satellite
comet moon sun star gravity energy electricity magnet battery computer keyboard printer program
compiler database network algorithm internet browser password robot camera guitar piano violin
trumpet drum orchestra concert painting sculpture poem novel story letter newspaper dictionary
alphabet grammar history politics economy government president king queen soldier doctor nurse
teacher student farmer baker lawyer engineer scientist philosopher musician actor pilot sailor
elephant tiger lion giraffe zebra monkey gorilla dolphin whale shark penguin eagle owl parrot
sparrow chicken goose rabbit hamster squirrel hedgehog kangaroo crocodile turtle snake lizard
frog spider butterfly beetle mosquito horse donkey sheep goat cow pig dog cat mouse muscle blood
heart brain stomach kidney finger shoulder elbow knee ankle tooth tongue medicine vaccine virus
bacteria fever headache football tennis basketball hockey chess marathon swimming holiday
birthday wedding present money bank market company factory office contract insurance mortgage
tax budget salary mississippi tennessee bookkeeper balloon committee parallel address assess
success possession abracadabra hippopotamus rhythm syzygy queue eerie cocoa mammal level racecar
tattoo toffee coffeehouse bubble puzzle giggle happiness wilderness accommodation embarrassment
information education university philosophy psychology chemistry biology mathematics geography
temperature pressure distance velocity frequency language translation pronunciation vocabulary
freedom justice courage friendship jealousy anger sorrow dream memory secret treasure pirate
dragon wizard ghost vampire fairy unicorn giant knight sword shield armor crown jewel diamond
emerald silver copper iron steel plastic rubber leather cotton wool silk paper glass concrete
""")

GERMAN = _words("""
Apfel Banane Birne Erdbeere Himbeere Kirsche Zitrone Pflaume Traube Kartoffel Zwiebel Gurke Karotte
Tomate Salat Suppe Brot Butter Käse Schokolade Kaffee Kuchen Frühstück Abendessen Flasche Schüssel
Tasse Gabel Küche Messer Löffel Teller Tisch Stuhl Spiegel Fenster Vorhang Teppich Kerze Lampe
Leiter Hammer Nadel Schere Regenschirm Decke Kissen Fahrrad Zug Flugzeug Rakete Hubschrauber
Schiff Motor Rad Brücke Tunnel Schloss Kirche Krankenhaus Bücherei Museum Schule Bahnhof Theater
Turm Dorf Garten Wald Wüste Insel Berg Fluss Meer Vulkan Wasserfall Wetter Donner Blitz
Regenbogen Schnee Winter Sommer Frühling Herbst Planet Mond Sonne Stern Schwerkraft Energie Strom
Magnet Batterie Rechner Tastatur Drucker Programm Netzwerk Passwort Roboter Gitarre Klavier Geige
Trompete Trommel Orchester Konzert Gemälde Gedicht Roman Geschichte Brief Zeitung Wörterbuch
Grammatik Politik Wirtschaft Regierung König Königin Soldat Arzt Lehrer Schüler Bauer Bäcker
Anwalt Elefant Tiger Löwe Giraffe Zebra Affe Delfin Wal Hai Pinguin Adler Eule Papagei Huhn Gans
Hase Hamster Eichhörnchen Igel Schildkröte Schlange Eidechse Frosch Spinne Schmetterling Käfer
Mücke Pferd Esel Schaf Ziege Kuh Schwein Hund Katze Maus Muskel Blut Herz Gehirn Magen Niere
Finger Schulter Ellbogen Zahn Zunge Medizin Impfung Fieber Kopfschmerz Schach Urlaub Geburtstag
Hochzeit Geschenk Geld Markt Firma Fabrik Vertrag Versicherung Steuer Gehalt Schifffahrt
Donaudampfschiff Rhabarber Barbara Ananas Kaffeekanne Blumentopf Straße Fußball Schlüssel
Mississippi Wissenschaft Universität Philosophie Chemie Biologie Geschwindigkeit Freundschaft
Freiheit Gerechtigkeit Mut Traum Erinnerung Geheimnis Schatz Drache Zauberer Gespenst Ritter
Schwert Krone Silber Kupfer Eisen Stahl Gummi Leder Baumwolle Seide Papier Glas Beton
""")

_ONSETS = _words("""
b bl br c ch cl cr d dr f fl fr g gl gr h j k l m n p ph pl pr qu r s sc sh sk sl sm
sn sp spr st str sw t th tr v w wh y z
""")
_VOWELS = _words("a a e e i i o o u ai au ea ee ie oa oo ou")
_CODAS = [*_words("b ck d ff g l ll m mm n nd ng nt p r rr rry rt s ss st t tt x"), *[""] * 14]


LONGEST = 11
"""Letters of a word to be spelled; longer ones, and letters beyond a to z, are not practised."""


def bucket(key: str, size: int) -> int:
    """A stable number below `size` for a key: what decides which examples are held out."""
    return zlib.crc32(key.encode()) % size


def is_held_out_word(word: str) -> bool:
    """Whether a word (in any case) is kept out of training."""
    return word.lower() in {"strawberry", "erdbeere"} or bucket(word.lower(), 6) == 0


def made_up(rng: random.Random, held_out: bool) -> str:
    """A word nobody has seen: syllables, or for training also plain random letters."""
    if not held_out and rng.random() < 0.35:
        # Few different letters make many repeats, the hard case of spelling.
        letters = rng.sample("abcdefghijklmnopqrstuvwxyz", rng.randint(4, 12))
        return "".join(rng.choice(letters) for _ in range(rng.randint(2, 8)))
    parts = [
        rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS)
        for _ in range(rng.choice([1, 2, 2, 2, 3]))
    ]
    return "".join(parts)[:LONGEST]


def draw_word(rng: random.Random, held_out: bool, german: bool) -> str:
    """A word of the asked side of the split, listed or made up."""
    while True:
        chance = rng.random()
        if chance < 0.35:
            word = rng.choice(GERMAN if german else ENGLISH)
        elif chance < 0.5:
            # Listed beginnings with strange ends teach to spell every piece of the vocabulary.
            start = rng.choice(GERMAN if german else ENGLISH)
            word = (start[: rng.randint(2, len(start))] + made_up(rng, held_out))[:LONGEST]
        else:
            word = made_up(rng, held_out)
        if german and rng.random() < 0.8:
            word = word[0].upper() + word[1:]
        if word.isascii() and len(word) <= LONGEST and is_held_out_word(word) == held_out:
            return word
