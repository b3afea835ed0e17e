"""Formulas as models write them, and the lines that they become."""

from inspect import cleandoc

import pytest

from localqwq.tui.text.markdown.document import Document
from localqwq.tui.text.tex.display import drawn, on_one_line

ON_ONE_LINE = [
    # arithmetic, numbers, signs
    (r"2 + 3 \times 4 = 14", "2 + 3 × 4 = 14"),
    (r"a \cdot b \div c", "a · b ÷ c"),
    (r"x = -1", "x = -1"),
    (r"x = \pm 2", "x = ±2"),
    (r"1{,}000{,}000", "1,000,000"),
    (r"50\% \text{ of } 80", "50% of 80"),
    (r"\$5 \times 3 = \$15", "$5 × 3 = $15"),
    (r"3.14 \approx \pi", "3.14 ≈ π"),
    (r"2\pi r", "2πr"),
    (r"90^\circ + 45^{\circ}", "90° + 45°"),
    (r"5! = 120", "5! = 120"),
    (r"|x - y| \leq \epsilon", "|x - y| ≤ ϵ"),
    (r"\sqrt{2} \approx 1.414", "√2 ≈ 1.414"),
    (r"10^{-3}", "10⁻³"),
    (r"6.022 \times 10^{23}", "6.022 × 10²³"),
    # scripts
    (r"x^2 + y^2 = z^2", "x² + y² = z²"),
    (r"a_{n+1} = a_n + 2", "aₙ₊₁ = aₙ + 2"),
    (r"x_i^2", "xᵢ²"),
    (r"x_{1,2}", "x₁,₂"),
    (r"a_{ij}", "aᵢⱼ"),
    (r"e^{i\pi} + 1 = 0", "e^(iπ) + 1 = 0"),
    (r"e^{-x^2}", "e^(-x²)"),
    (r"2^{2^n}", "2^(2ⁿ)"),
    (r"x^{2/3}", "x^(2/3)"),
    (r"x^{\frac{1}{2}}", "x^(1/2)"),
    (r"(x+1)^2", "(x+1)²"),
    (r"v_{\text{max}}", "vₘₐₓ"),
    (r"E_{\text{kinetic}}", "E_kinetic"),
    (r"x_{\text{new}} y", "x_new y"),
    (r"F_N a", "F_N a"),
    (r"\hat{\beta}_{OLS}", "β̂_OLS"),
    (r"X^\top X", "XᵀX"),
    (r"A^{-1}", "A⁻¹"),
    (r"A^*", "A^*"),
    (r"f'(x)", "f′(x)"),
    (r"f''(x) + f^{(n)}(x)", "f″(x) + f⁽ⁿ⁾(x)"),
    (r"{}_nC_r", "ₙCᵣ"),
    (r"101_2 = 5_{10}", "101₂ = 5₁₀"),
    (r"n^{\text{th}}", "nᵗʰ"),
    (r"\log_2 8 = 3", "log₂ 8 = 3"),
    (r"\sigma^2_x", "σₓ²"),
    # fractions
    (r"\frac{1}{2}", "1/2"),
    (r"\frac12", "1/2"),
    (r"\dfrac{a}{2b}", "a/(2b)"),
    (r"\frac{-b \pm \sqrt{b^2 - 4ac}}{2a}", "(-b ± √(b² - 4ac))/(2a)"),
    (r"\frac{n(n+1)(2n+1)}{6}", "n(n+1)(2n+1)/6"),
    (r"\frac{a+b}{c}", "(a+b)/c"),
    (r"\frac{a}{b+c}", "a/(b+c)"),
    (r"\frac{\sqrt{3}}{2}", "√3/2"),
    (r"\frac{3+\sqrt{5}}{2}", "(3+√5)/2"),
    (r"\frac{1}{\sqrt{2\pi}}", "1/√(2π)"),
    (r"\frac{1}{2}mv^2", "(1/2)mv²"),
    (r"2\frac{1}{2}", "2 1/2"),
    (r"\frac{1}{2}(a+b)", "(1/2)(a+b)"),
    (r"(a+b)\frac{1}{2}", "(a+b)(1/2)"),
    (r"x\frac{a}{b}", "x(a/b)"),
    (r"\left(\frac{1}{2}\right)^n", "(1/2)ⁿ"),
    (r"\frac{a}{b}^2", "(a/b)²"),
    (r"\frac{\frac{a}{b}}{c}", "(a/b)/c"),
    (r"\frac{a}{\frac{b}{c}}", "a/(b/c)"),
    (r"\frac{dy}{dx} = 2x", "dy/dx = 2x"),
    (r"\frac{d}{dx} f(x)", "(d/dx)f(x)"),
    (r"\frac{\partial^2 u}{\partial t^2} = c^2 \nabla^2 u", "∂²u/∂t² = c² ∇²u"),
    (r"\frac{\partial f}{\partial x}", "∂f/∂x"),
    (r"\frac{n!}{k!(n-k)!}", "n!/(k!(n-k)!)"),
    (r"\frac{\sin x}{x}", "(sin x)/x"),
    (r"\frac{1}{x^2}", "1/x²"),
    (r"\frac{10}{3} - \frac{-1}{2}", "10/3 - (-1/2)"),
    (r"\frac{\text{distance}}{\text{total time}}", "distance/(total time)"),
    (r"1 - \frac{1}{n} \cdot \frac{2}{3}", "1 - 1/n · 2/3"),
    (r"\frac{1}{2}\sqrt{3}", "(1/2)√3"),
    (r"\cfrac{1}{1 + \cfrac{1}{x}}", "1/(1 + 1/x)"),
    (r"{a \over b+1}", "a/(b+1)"),
    (r"\frac{x}{y}!", "(x/y)!"),
    (r"1/\frac{a}{b}", "1/(a/b)"),
    (r"\sin\frac{x}{2}", "sin(x/2)"),
    (r"\frac{|x|}{2}", "|x|/2"),
    (r"\frac{1{,}000}{x}", "1,000/x"),
    # roots
    (r"\sqrt{x^2}", "√(x²)"),
    (r"\sqrt{a+b}", "√(a+b)"),
    (r"\sqrt[3]{27} = 3", "³√27 = 3"),
    (r"\sqrt[n]{x}", "ⁿ√x"),
    (r"\sqrt{2}x", "√(2)x"),
    (r"2\sqrt{3}", "2√3"),
    (r"\sqrt{\frac{a}{b}}", "√(a/b)"),
    (r"\sqrt{1+\sqrt{2}}", "√(1+√2)"),
    (r"\sqrt{2}^2", "(√2)²"),
    # functions
    (r"\sin\theta + \cos^2 x", "sin θ + cos² x"),
    (r"2\sin x \cos x", "2 sin x cos x"),
    (r"\ln(x) = \log_e x", "ln(x) = logₑ x"),
    (r"\sin\left(x\right)", "sin(x)"),
    (r"\max(a, b)", "max(a, b)"),
    (r"\gcd(12, 18) = 6", "gcd(12, 18) = 6"),
    (r"\det A = -2", "det A = -2"),
    (r"\operatorname{rank}(A)", "rank(A)"),
    (r"\operatorname{Var}(X) = \mathbb{E}[X^2]", "Var(X) = 𝔼[X²]"),
    (r"a \bmod n", "a mod n"),
    (r"a \equiv b \pmod{7}", "a ≡ b (mod 7)"),
    (r"\binom{n}{k}", "C(n, k)"),
    (r"\exp\left(-\frac{x^2}{2}\right)", "exp(-x²/2)"),
    (r"\ln|x| + C", "ln|x| + C"),
    # limits
    (r"\sum_{k=1}^{n} k^2", "∑ₖ₌₁ⁿ k²"),
    (r"\sum_{i=1}^{n} \frac{1}{i}", "∑ᵢ₌₁ⁿ 1/i"),
    (r"\sum_{k=1}^\infty \frac{1}{k^2} = \frac{\pi^2}{6}", "∑[k=1…∞] 1/k² = π²/6"),
    (r"\sum_{i \in S} x_i", "∑[i∈S] xᵢ"),
    (r"\prod_{p \text{ prime}} p", "∏[p prime] p"),
    (r"\int_0^1 x\,dx", "∫₀¹ x dx"),
    (r"\int_{-\infty}^{\infty} e^{-x^2}\,dx = \sqrt{\pi}", "∫[-∞…∞] e^(-x²) dx = √π"),
    (r"\int \frac{1}{x}\,dx = \ln|x|", "∫ 1/x dx = ln|x|"),
    (r"\int_a^b f(x)dx", "∫ₐᵇ f(x)dx"),
    (r"\iint_D f\,dA", "∬[D] f dA"),
    (r"\oint_C \vec{F}\cdot d\vec{r}", "∮[C] F⃗ · dr⃗"),
    (r"\lim_{x\to 0}\frac{\sin x}{x}=1", "lim[x→0] (sin x)/x=1"),
    (r"\lim_{n \to \infty} a_n", "lim[n→∞] aₙ"),
    (r"\max_{x \in S} f(x)", "max[x∈S] f(x)"),
    (r"\operatorname*{arg\,max}_\theta L", "arg max[θ] L"),
    (r"\bigcup_{i=1}^n A_i", "⋃ᵢ₌₁ⁿ Aᵢ"),
    (r"\left. x^2 \right|_0^1", "x²|₀¹"),
    (r"\left[ \frac{x^3}{3} \right]_0^1", "[x³/3]₀¹"),
    (r"\sum_{\substack{i<j \\ i \ne 2}} a", "∑[i<j; i≠2] a"),
    # sets, logic, relations
    (r"x \in \mathbb{R}", "x ∈ ℝ"),
    (r"x \in\mathbb{R}^n", "x ∈ ℝⁿ"),
    (r"A \cup B \subseteq C \setminus D", "A ∪ B ⊆ C ∖ D"),
    (r"\{1, 2, \ldots, n\}", "{1, 2, …, n}"),
    (r"\{x \mid x > 0\}", "{x | x > 0}"),
    (r"\forall x \in S, \exists y", "∀x ∈ S, ∃y"),
    (r"p \land q \implies \neg r", "p ∧ q ⟹ ¬r"),
    (r"a \iff b", "a ⟺ b"),
    (r"\emptyset \ne A \not\subset B", "∅ ≠ A ⊄ B"),
    (r"x \notin \mathcal{X}", "x ∉ 𝒳"),
    (r"f: A \to B", "f: A → B"),
    (r"x \mapsto x^2", "x ↦ x²"),
    (r"A \Rightarrow B", "A ⇒ B"),
    (r"a \le b < c", "a ≤ b < c"),
    (r"n \mid 12, 5 \nmid 12", "n | 12, 5 ∤ 12"),
    (r"AB \parallel CD, AB \perp EF", "AB ∥ CD, AB ⊥ EF"),
    (r"\triangle ABC \sim \triangle DEF", "△ABC ∼ △DEF"),
    (r"\angle ABC = 90^\circ", "∠ABC = 90°"),
    (r"\lfloor x \rfloor + \left\lceil \frac{n}{2} \right\rceil", "⌊x⌋ + ⌈n/2⌉"),
    (r"\langle u, v \rangle", "⟨u, v⟩"),
    (r"\|v\| = \sqrt{v \cdot v}", "‖v‖ = √(v · v)"),
    (r"\therefore x = 2", "∴ x = 2"),
    (r"1, 2, \dots, n", "1, 2, …, n"),
    (r"a_1 + \cdots + a_n", "a₁ + ⋯ + aₙ"),
    # accents, alphabets
    (r"\vec{v} \cdot \hat{n}", "v⃗ · n̂"),
    (r"\bar{x} = \overline{AB}", "x̄ = A̅B̅"),
    (r"\overrightarrow{AB}", "vec(AB)"),
    (r"\widehat{ABC}", "hat(ABC)"),
    (r"\dot{x}, \ddot{x}, \tilde{y}", "ẋ, ẍ, ỹ"),
    (r"\mathbf{v} = (1, 2)", "𝐯 = (1, 2)"),
    (r"\mathcal{O}(n \log n)", "𝒪(n log n)"),
    (r"\mathfrak{g}, \mathbb{F}_p", "𝔤, 𝔽ₚ"),
    (r"\mathrm{d}x", "dx"),
    (r"5\,\mathrm{kg}", "5 kg"),
    (r"\overline{z_1 + z_2}", "z̅₁̅ ̅+̅ ̅z̅₂̅"),
    (r"\cancel{x} y", "x̶ y"),
    # text, spaces, decoration
    (r"x \text{ if } x > 0", "x if x > 0"),
    (r"\text{Area} = \pi r^2", "Area = πr²"),
    (r"A, \quad B", "A,  B"),
    (r"\text{if $n$ is even}", "if n is even"),
    (r"9.8\,\text{m/s}^2", "9.8 m/s²"),
    (r"\boxed{42}", "▕42▏"),
    (r"\boxed{\frac{3}{4}}", "▕3/4▏"),
    (r"\boxed{\text{(B)}}", "▕(B)▏"),
    (r"x = \boxed{5}", "x = ▕5▏"),
    (r"\underbrace{1 + 1 + \cdots + 1}_{n \text{ times}}", "(1 + 1 + ⋯ + 1)[n times]"),
    (r"a \overset{?}{=} b", "a ≟ b"),
    (r"A \xrightarrow{f} B", "A ─f→ B"),
    (r"x \xrightarrow{n \to \infty} 0", "x ─n→∞→ 0"),
    (r"\textcolor{red}{x} + \color{blue} y", "x + y"),
    (r"E = mc^2 \tag{1}", "E = mc²   (1)"),
    (r"\displaystyle \sum\limits_{i=1}^n i", "∑ᵢ₌₁ⁿ i"),
    (r"\bigl( a + b \bigr)^2", "(a + b)²"),
    (r"\left( a + \left[ b \right] \right)", "(a + [b])"),
    (r"x = 1 \\ y = 2", "x = 1\ny = 2"),
    # rows on one line
    (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", "(1, 2; 3, 4)"),
    (r"\begin{bmatrix} x \\ y \end{bmatrix}", "[x; y]"),
    (r"\begin{vmatrix} a & b \\ c & d \end{vmatrix} = ad - bc", "|a, b; c, d| = ad - bc"),
    (
        r"\begin{cases} x & \text{if } x \ge 0 \\ -x & \text{otherwise} \end{cases}",
        "{x if x ≥ 0; -x otherwise}",
    ),
    (r"\begin{cases} 2x + y = 5 \\ x - y = 1 \end{cases}", "{2x + y = 5; x - y = 1}"),
    (
        r"\left\{ \begin{array}{ll} 1, & n = 0 \\ 0, & n > 0 \end{array} \right.",
        "{1, n = 0; 0, n > 0}",
    ),
    (r"\begin{aligned} a &= b \\ c &= d \end{aligned}", "a = b\nc = d"),
    (r"\begin{align*} f(x) &= x^2 \\ &= 4 \end{align*}", "f(x) = x²\n= 4"),
    (r"A^{\begin{pmatrix} 1 \\ 2 \end{pmatrix}}", "A^(1; 2)"),
    # as written
    (r"\foo{x}^2 + 1", r"\foo{x}² + 1"),
    (r"\ce{H2O}", r"\ce{H2O}"),
    (r"\mystery + 1", r"\mystery + 1"),
    (r"\begin{tikzpicture} x \end{tikzpicture}", None),
    (r"\frac{1}", None),
    (r"x^", None),
    (r"{x", None),
    # of all kinds
    (r"P(X=k) = \binom{n}{k} p^k (1-p)^{n-k}", "P(X=k) = C(n, k) pᵏ (1-p)ⁿ⁻ᵏ"),
    (r"a \equiv 1 \mod 7", "a ≡ 1 mod 7"),
    (r"\frac{d^2y}{dx^2} + y = 0", "d²y/dx² + y = 0"),
    (r"\frac{\Delta y}{\Delta x}", "Δy/Δx"),
    (r"\nabla \cdot \mathbf{E} = \frac{\rho}{\varepsilon_0}", "∇ · 𝐄 = ρ/ε₀"),
    (r"\overbrace{a+b}^{2}", "(a+b)[2]"),
    (r"^{14}\text{C}", "¹⁴C"),
    (r"\mathrm{H_2O}", "H₂O"),
    (r"0.\overline{3}", "0.3̅"),
    (r"a \not\equiv b", "a ≢ b"),
    (r"\{x \in \mathbb{R} : x > 0\}", "{x ∈ ℝ : x > 0}"),
    (r"\lim_{x \to a^-} f(x)", "lim[x→a⁻] f(x)"),
    (r"|\psi\rangle = \alpha|0\rangle", "|ψ⟩ = α|0⟩"),
    (r"\hat{y} = \hat{\beta}_0 + \hat{\beta}_1 x", "ŷ = β̂₀ + β̂₁ x"),
    (r"\text{\frac{1}{2}}", "1/2"),
    (r"\Pr[X = 1] = \lceil \log_2 n \rceil", "Pr[X = 1] = ⌈log₂ n⌉"),
    (r"\frac{1}{2} hour", "(1/2)hour"),
    (r"e^{-\frac{(x-\mu)^2}{2\sigma^2}}", "e^(-(x-μ)²/(2σ²))"),
    (r"\underset{x \to 0}{\lim} f", "lim[x→0] f"),
    (r"\frac{\unknown{a}}{2}", r"\unknown{a}/2"),
    (r"\unknown{a}{b} x", r"\unknown{a}{b} x"),
    (r"\left( x", None),
    (r"x \right)", None),
    (r"\begin{pmatrix} 1 \end{bmatrix}", None),
    (r"\hline", None),
]
"""TeX, and how it reads on one line; None where it is no formula and stays as it is written."""

DRAWN = [
    (
        r"x = \frac{-b \pm \sqrt{b^2 - 4ac}}{2a}",
        """
            -b ± √(b² - 4ac)
        x = ────────────────
                   2a
        """,
    ),
    (
        r"x_{1,2} = \begin{cases} 2 \\ 1 \end{cases}",
        """
               ⎧ 2
        x₁,₂ = ⎨
               ⎩ 1
        """,
    ),
    (
        r"|x| = \begin{cases} x & \text{if } x \ge 0 \\ -x & \text{if } x < 0 \end{cases}",
        """
              ⎧ x   if x ≥ 0
        |x| = ⎨
              ⎩ -x  if x < 0
        """,
    ),
    (
        r"f = \begin{cases} 1 & x = 1 \\ 2 & x = 2 \\ 3 & x = 3 \\ 4 & \text{else} \end{cases}",
        """
            ⎧ 1  x = 1
        f = ⎨ 2  x = 2
            ⎪ 3  x = 3
            ⎩ 4  else
        """,
    ),
    (
        r"A = \begin{pmatrix} 1 & -2 \\ 3 & 4 \end{pmatrix}, \quad \det A = 10",
        """
        A = ⎛ 1  -2 ⎞,  det A = 10
            ⎝ 3   4 ⎠
        """,
    ),
    (
        r"\begin{bmatrix} \cos t & -\sin t \\ \sin t & \cos t \\ 0 & 0 \end{bmatrix}",
        """
        ⎡ cos t  -sin t ⎤
        ⎢ sin t  cos t  ⎥
        ⎣   0      0    ⎦
        """,
    ),
    (
        r"\begin{vmatrix} a & b \\ c & d \end{vmatrix} = ad - bc",
        """
        │ a  b │ = ad - bc
        │ c  d │
        """,
    ),
    (
        r"\begin{pmatrix} 1 \\ 2 \\ 3 \end{pmatrix}^T v",
        """
        ⎛ 1 ⎞ᵀ
        ⎜ 2 ⎟  v
        ⎝ 3 ⎠
        """,
    ),
    (
        r"\left[ \begin{array}{cc|c} 1 & 0 & 5 \\ 0 & 1 & 7 \end{array} \right]",
        """
        ⎡ 1  0 │ 5 ⎤
        ⎣ 0  1 │ 7 ⎦
        """,
    ),
    (
        r"\begin{array}{c|c} p & q \\ \hline T & F \\ F & T \end{array}",
        """
        p │ q
        ──┼──
        T │ F
        F │ T
        """,
    ),
    (
        r"\begin{align*} f(x) &= x^3 - 3x \\ f'(x) &= 3x^2 - 3 \end{align*}",
        """
         f(x) = x³ - 3x
        f′(x) = 3x² - 3
        """,
    ),
    (
        r"\begin{aligned} x &= \frac{a+b}{2c} + 1 \\[4pt] &= \frac{1}{2} \end{aligned}",
        """
            a+b
        x = ─── + 1
            2c

          = 1/2
        """,
    ),
    (
        r"\begin{aligned} a_{11} x &+ b y &= c \\ d x &- 10 y &= 12 \end{aligned}",
        """
        a₁₁ x + b y   = c
          d x - 10 y = 12
        """,
    ),
    (
        r"\left\{ \begin{aligned} 2x + y &= 5 \\ x - y &= 1 \end{aligned} \right.",
        """
        ⎧ 2x + y = 5
        ⎨
        ⎩  x - y = 1
        """,
    ),
    (
        r"\sum_{k=1}^\infty \frac{1}{k^2} = \frac{\pi^2}{6}",
        """
         ∞
         ∑  1/k² = π²/6
        k=1
        """,
    ),
    (
        r"\lim_{x \to 0} \frac{\sin x}{x} = 1",
        """
            sin x
        lim ───── = 1
        x→0   x
        """,
    ),
    (
        r"\operatorname*{arg\,max}_{\theta \in \Theta} L(\theta)",
        """
        arg max L(θ)
          θ∈Θ
        """,
    ),
    (
        r"\sum_{i=1}^{n} i = \frac{n(n+1)}{2}",
        """
                  n(n+1)
        ∑ᵢ₌₁ⁿ i = ──────
                    2
        """,
    ),
    (
        r"\left( \frac{a+b}{c} \right)^2 + 1",
        """
        ⎛ a+b ⎞²
        ⎜ ─── ⎟  + 1
        ⎝  c  ⎠
        """,
    ),
    (
        r"\underbrace{1 + 1 + \cdots + 1}_{n \text{ times}} = n",
        """
        1 + 1 + ⋯ + 1 = n
        ╰─────┬─────╯
           n times
        """,
    ),
    (
        r"\begin{equation} E = mc^2 \tag{1} \end{equation}",
        """
        E = mc²    (1)
        """,
    ),
    (
        r"x = 1 \\ y = 22",
        """
        x = 1
        y = 22
        """,
    ),
    (
        r"a = \frac{\frac{x+1}{2}}{3}",
        """
            (x+1)/2
        a = ───────
               3
        """,
    ),
    (r"\frac{1}{2} + \frac{dy}{dx}", "\n        1/2 + dy/dx\n"),
]
"""TeX that stands by itself, and its lines."""


def lines_of(source: str, width: int = 60) -> list[str]:
    """The lines of an answer."""
    document = Document(source, complete=True)
    document.draw(width)
    return [line.plain.rstrip() for line in document.lines]


@pytest.mark.parametrize(("tex", "shown"), ON_ONE_LINE)
def test_on_one_line(tex: str, shown: str | None) -> None:
    """In a sentence, in a table and in a thought."""
    assert on_one_line(tex) == shown


@pytest.mark.parametrize(("tex", "shown"), DRAWN)
def test_drawn(tex: str, shown: str) -> None:
    """On lines of its own."""
    drawing = drawn(tex)
    assert drawing is not None
    assert [line.rstrip() for line in drawing.lines] == cleandoc(f"\n{shown}").split("\n")


@pytest.mark.parametrize(
    "open_, close",
    [
        ("\\[", "\\]"),
        ("$$", "$$"),
        ("\\begin{align*}", "\\end{align*}"),
        ("\\begin{gather}", "\\end{gather}"),
    ],
)
def test_markdown_leaves_line_breaks_to_mathematics(open_: str, close: str) -> None:
    """Two backslashes are one for Markdown, and the end of a line for TeX."""
    expected = ["So", "", "    a = 1", "    b = 2", "", "and on."]
    assert lines_of(f"So\n{open_}\na = 1 \\\\\nb = 2\n{close}\nand on.") == expected
    assert lines_of(f"- So\n  {open_} a = 1 \\\\ b = 2 {close}") == [
        " • So",
        "       a = 1",
        "       b = 2",
    ]


def test_what_is_not_understood_stays_as_it_is_written() -> None:
    """All of it, with each backslash."""
    source = "\\begin{tabular}{ll}\na & b \\\\\nc & d\n\\end{tabular}"
    assert lines_of(source) == source.split("\n")
    assert lines_of(r"See \( \frac{a} \\ x \), then.") == [r"See \( \frac{a} \\ x \), then."]


@pytest.mark.parametrize(
    "text", [r"\[ \frac{1}{2} \\ x", r"\begin{align} a &= b \\ c", r"so \( x_1 and", r"a \] b"]
)
def test_what_has_no_end_yet_keeps_its_backslashes(text: str) -> None:
    """While it is written, and when it is never closed."""
    assert lines_of(text) == [text]


@pytest.mark.parametrize("opening", ["\\[", "$$", "\\begin{align}"])
def test_lines_of_an_open_formula_are_no_headings(opening: str) -> None:
    """Nor lists or quotes: they stay as they are until the end comes."""
    source = f"So\n{opening}\na\n= b\n- c \\\\\n> d"
    assert lines_of(source) == ["So", "", *source.split("\n")[1:]]


def test_bars_of_formulas_part_no_cells() -> None:
    """Of three columns three stay."""
    table = "| $x$ | $|x|$ | \\(P(A|B)\\) |\n|---|---|---|\n| $-2$ | `a` | $x^2$ |"
    assert lines_of(table)[0] == " x  │ |x| │ P(A|B)"
    assert lines_of(table)[2] == " -2 │ a   │ x²"


def test_what_is_too_wide_is_written_on_one_line_and_folded() -> None:
    """A drawing that is cut in two is none."""
    tex = r"\[ x = \frac{a + b + c + d + e + f + g}{2} \]"
    assert lines_of(tex, 30) == ["    x = (a + b + c + d + e + f", "    + g)/2"]
    assert len(lines_of(tex, 60)) == 3


def test_a_result_is_in_a_box_and_what_follows_stands_beside_it() -> None:
    """Whatever it is."""
    assert lines_of(r"\[ \boxed{\frac{3+x}{2}}. \]".replace(". \\]", " \\].")) == [
        "    ╭─────╮",
        "    │ 3+x │",
        "    │ ─── │.",
        "    │  2  │",
        "    ╰─────╯",
    ]


@pytest.mark.parametrize(
    "shell",
    [
        r"\frac{%s}{2b}",
        r"{%s}^2",
        r"\left(%s\right)",
        r"\sqrt{%s}",
        r"\lim_{%s}",
        r"\begin{cases} %s \\ 1 \end{cases}",
        r"\boxed{%s+1}",
        r"\text{%s}",
    ],
)
def test_formulas_inside_formulas(shell: str) -> None:
    """However deep: each is read and written once."""
    tex = "x"
    for _ in range(30):
        tex = shell.replace("%s", tex)
    assert on_one_line(tex) is not None
    assert drawn(tex) is not None
