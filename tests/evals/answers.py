r"""Final answers in the forms in which models write them, with the verdict of a person.

A line has the right answer, forms of it that are right, and forms that are wrong, all as they stand
inside ``\boxed{}``: ``right answer => right § right // wrong § wrong``. Indented lines continue it.
"""

import re
from collections.abc import Iterator

_NUMBERS = r"""
204 => 204 § 204. § +204 § 0204 § 204.0 § 204.00 § $204$ § \textbf{204} § \mathbf{204}
    § 204\text{ minutes} § x = 204 § \frac{408}{2} § 408/2 § ２０４ § 204 \text{ min} // 205 § -204
    § 20.4 § 2040 § 204.1 § 2 § 204/2
025 => 25 § 025 § 25.0 § m+n=25 § \boldsymbol{25} // 52 § 250 § 2.5 § -25
-7 => -7 § −7 § -7.0 § x=-7 § -\frac{14}{2} § \frac{-14}{2} § -14/2 // 7 § 0 § -70 § -0.7
1234567 => 1234567 § 1,234,567 § 1{,}234{,}567 § 1\,234\,567 § 1 234 567 // 1,234,576 § 1.234567
    § 123,456,7
0 => 0 § 0.0 § -0 § x = 0 // 1 § -1 § 0.1
0.5 => 0.5 § .5 § 0.50 § 1/2 § \frac{1}{2} § \frac12 § \dfrac{1}{2} § \tfrac12 § 2/4
    § x=\frac{1}{2} // 0.05 § 5 § \frac{1}{3} § -1/2 § 2 § -0.5
3/4 => 0.75 § 3/4 § \frac{3}{4} § \dfrac{3}{4} § \frac{6}{8} § \frac34 // 4/3 § 0.7 § 0.34 § 3
    § \frac{4}{3}
-2/3 => -2/3 § -\frac{2}{3} § \frac{-2}{3} § -\dfrac23 // 2/3 § -0.66 § -\frac{3}{2} § -0.6667
90 => 90 § 90^\circ § 90° § 90^{\circ} § 90\text{ degrees} § \theta = 90^\circ // 9 § 180^\circ
    § 0.9
12 => 12 § 12\text{ cm} § 12\ \mathrm{cm} § 12~\text{m} § \text{12} § 12\,\text{units} // 12.5
    § 21 § 144 § 1.2
25 => 25\% § 25 § 25 \% § \$25 § 25\text{ percent} // 52\% § 2500 § 75\%
"""
_EXPRESSIONS = r"""
\sqrt{2} => \sqrt{2} § \sqrt2 § 2^{1/2} § 2^{\frac{1}{2}} § \frac{2}{\sqrt{2}} § \sqrt{ 2 } // 2
    § \sqrt{3} § -\sqrt{2} § 1.41 § \sqrt[3]{2}
2\sqrt{3} => 2\sqrt{3} § 2\sqrt3 § \sqrt{12} § 2 \cdot \sqrt{3} § \sqrt{3} \cdot 2
    § \frac{6}{\sqrt{3}} // 3\sqrt{2} § \sqrt{6} § 2+\sqrt{3} § \sqrt{3}
\frac{\sqrt{3}}{2} => \frac{\sqrt{3}}{2} § \frac{\sqrt3}{2} § \frac{1}{2}\sqrt{3} § \sqrt{3}/2
    § \dfrac{\sqrt{3}}{2} § \sqrt{\frac{3}{4}} // \frac{\sqrt{2}}{2} § \frac{3}{2}
    § \sqrt{\frac{3}{2}} § \frac{2}{\sqrt{3}}
\pi => \pi § {\pi} § \frac{2\pi}{2} § 1\pi // 2\pi § 3 § \frac{\pi}{2} § \pi^2
\frac{\pi}{6} => \frac{\pi}{6} § \pi/6 § \frac{1}{6}\pi § \dfrac{\pi}{6} § \frac{2\pi}{12}
    // \frac{\pi}{3} § \frac{6}{\pi} § 30 § -\frac{\pi}{6}
4\pi => 4\pi § 4 \pi § 4\cdot\pi § \pi \cdot 4 § 2^2\pi // 4 § 2\pi § 4+\pi § 4\pi^2
e^2 => e^2 § e^{2} § e\cdot e // 2e § e § 2^e § e^{-2}
x^2+1 => x^2+1 § x^{2}+1 § 1+x^2 § x^2 + 1 § x\cdot x+1 // x^2-1 § x^2 § x+1 § (x+1)^2
(x+1)^2 => (x+1)^2 § x^2+2x+1 § (1+x)^2 § (x+1)(x+1) // x^2+1 § (x-1)^2 § x^2+x+1
\frac{n(n+1)}{2} => \frac{n(n+1)}{2} § \frac{n^2+n}{2} § \frac{1}{2}n(n+1) § n(n+1)/2
    § \binom{n+1}{2} // \frac{n(n-1)}{2} § n(n+1) § \frac{n}{2}
\{1,2,3\} => \{1,2,3\} § \{3,2,1\} § \{1, 2, 3\} § \left\{1,2,3\right\} // \{1,2\} § \{1,2,4\}
    § \{1,2,3,4\}
(1,2) => (1,2) § (1, 2) § \left(1,2\right) § (1.0, 2) // (2,1) § (1,2,3) § (1,-2)
[0,1) => [0,1) § [0, 1) § \left[0,1\right) // (0,1) § [0,2) § (0,1)\cup(1,2)
(-\infty,3] => (-\infty,3] § (-\infty, 3] § \left(-\infty,3\right] // (-\infty,3) § [3,\infty)
    § (-\infty,4]
\frac{1}{x} => \frac{1}{x} § 1/x § x^{-1} § \frac{2}{2x} // x § \frac{1}{x^2} § -\frac{1}{x}
    § \frac{x}{1}
2^{10} => 2^{10} § 1024 § 2^{5}\cdot 2^{5} § 4^5 // 2^{11} § 1000 § 20 § 10^2
5! => 5! § 120 § 5\cdot4! // 4! § 25 § 60
\binom{5}{2} => \binom{5}{2} § 10 § \binom{5}{3} // \binom{5}{1} § 20 § \frac{5}{2}
\sin x => \sin x § \sin(x) § \sin{x} // \cos x § \sin^2 x § -\sin x
\log 2 => \log 2 § \log(2) § \log{2} // \log 3 § 2 § \log_2 3
3+4i => 3+4i § 4i+3 § 3 + 4i // 3-4i § 4+3i § 5 § 7i
\begin{pmatrix}1&2\\3&4\end{pmatrix} => \begin{pmatrix}1&2\\3&4\end{pmatrix}
    § \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} § \begin{bmatrix}1&2\\3&4\end{bmatrix}
    // \begin{pmatrix}1&3\\2&4\end{pmatrix} § \begin{pmatrix}1&2\\3&5\end{pmatrix}
x=3 => x=3 § 3 § x = 3 // x=4 § 4 § x=-3
\frac{a}{b} => \frac{a}{b} § a/b § ab^{-1} // \frac{b}{a} § ab § a-b
\sqrt[3]{5} => \sqrt[3]{5} § 5^{1/3} § 5^{\frac{1}{3}} // \sqrt{5} § \sqrt[5]{3} § 5^3
1+\sqrt{5} => 1+\sqrt{5} § \sqrt{5}+1 § 1 + \sqrt5 // 1-\sqrt{5} § \sqrt{6} § \sqrt{5}-1
    § \frac{1+\sqrt{5}}{2}
\frac{1+\sqrt{5}}{2} => \frac{1+\sqrt{5}}{2} § \frac{1}{2}+\frac{\sqrt{5}}{2}
    § \frac{\sqrt{5}+1}{2} § (1+\sqrt{5})/2 // \frac{1-\sqrt{5}}{2} § 1+\sqrt{5}
    § \frac{\sqrt{5}}{2}
"""


def final_answers() -> Iterator[tuple[str, str, bool]]:
    """Yield what is right, what was given, and whether that is right."""
    text = re.sub(r"\n\s+", " ", _NUMBERS.strip() + "\n" + _EXPRESSIONS.strip())
    for line in text.splitlines():
        expected, _, given = line.partition(" => ")
        right, _, wrong = given.partition(" // ")
        yield from ((expected, form, True) for form in right.split(" § "))
        yield from ((expected, form, False) for form in wrong.split(" § "))


WHOLE_ANSWERS = [
    # The last box counts.
    (r"First \boxed{3}, but no: \boxed{4}.", "integer", "4", True),
    (r"First \boxed{4}, but no: \boxed{3}.", "integer", "4", False),
    (r"\boxed{4} and then \boxed{", "integer", "4", True),
    (r"The answer is 4.", "integer", "4", False),
    (r"**4**", "integer", "4", False),
    ("", "integer", "4", False),
    (r"\boxed{}", "integer", "4", False),
    (r"\boxed{\text{none}}", "integer", "4", False),
    (r"\boxed{4} \boxed{}", "integer", "4", False),
    (r"$$\boxed{\,4\,}$$", "integer", "4", True),
    (r"\[\boxed {4}\]", "integer", "4", True),
    (r"\fbox{4}", "integer", "4", True),
    (r"\boxed{\frac{8}{2}}", "integer", "4", True),
    (r"\boxed{{4}}", "integer", "4", True),
    (r"\boxed{4\}", "integer", "4", False),
    (r"\boxed{x^{2}} then \boxed{4}", "integer", "4", True),
    # Numbers without a box.
    ("12 + 30 = 42.", "number", "42", True),
    ("The sum is **42**", "number", "42", True),
    ("42 is 12 plus 30", "number", "42", False),
    ("It is 1,042.", "number", "1042", True),
    ("There are 3 r's in strawberry.", "number", "3", True),
    ("There are three.", "number", "3", False),
    (r"It is 7, that is \boxed{42}", "number", "42", True),
    ("-5 + 3 = -2", "number", "-2", True),
    # The larger one.
    ("9.9 is larger than 9.11.", "larger", "9.9", True),
    ("9.11 is larger than 9.9.", "larger", "9.9", False),
    ("**9.9** is larger.", "larger", "9.9", True),
    ("9.9 ist größer als 9.11.", "larger", "9.9", True),
    ("Of 9.9 and 9.11, the larger number is 9.9.", "larger", "9.9", True),
    ("The larger one is $9.11$.", "larger", "9.9", False),
    ("9.90 is greater than 9.11", "larger", "9.9", True),
    (r"\boxed{9.9}", "larger", "9.9", True),
    ("9.9", "larger", "9.9", False),
    # Choices.
    ('{"answer": "C"}', "choice", "C", True),
    ('{"answer": "B"}', "choice", "C", False),
    ('"answer": "C"', "choice", "C", True),
    ("answer: C", "choice", "C", True),
    (r"\boxed{C}", "choice", "C", True),
    (r"\boxed{\text{C}}", "choice", "C", True),
    (r"\boxed{(C)}", "choice", "C", True),
    (r"\boxed{C) 12}", "choice", "C", True),
    (r"\boxed{D}", "choice", "C", False),
    ('{"answer": "A"} no, {"answer": "C"}', "choice", "C", True),
    ("C", "choice", "C", False),
]
"""Answers as a model writes them: text, kind of the problem, what is right, verdict of a person."""
