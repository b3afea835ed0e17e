"""TeX's commands for signs, and the signs of Unicode for them."""

from __future__ import annotations


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split(":") for pair in text.split())


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


SYMBOLS = _pairs(
    "alpha:α beta:β gamma:γ delta:δ epsilon:ϵ varepsilon:ε zeta:ζ eta:η theta:θ vartheta:ϑ "
    "iota:ι kappa:κ lambda:λ mu:μ nu:ν xi:ξ omicron:ο pi:π varpi:ϖ rho:ρ varrho:ϱ sigma:σ "
    "varsigma:ς tau:τ upsilon:υ phi:ϕ varphi:φ chi:χ psi:ψ omega:ω Gamma:Γ Delta:Δ Theta:Θ "
    "Lambda:Λ Xi:Ξ Pi:Π Sigma:Σ Upsilon:Υ Phi:Φ Psi:Ψ Omega:Ω "
    "times:× cdot:· div:÷ pm:± mp:∓ ast:∗ star:⋆ circ:∘ bullet:• oplus:⊕ otimes:⊗ odot:⊙ "
    "le:≤ leq:≤ leqslant:≤ ge:≥ geq:≥ geqslant:≥ lt:< gt:> ne:≠ neq:≠ ll:≪ gg:≫ approx:≈ "
    "equiv:≡ sim:∼ simeq:≃ cong:≅ propto:∝ mid:| nmid:∤ parallel:∥ perp:⊥ "
    "in:∈ notin:∉ ni:∋ subset:⊂ subseteq:⊆ supset:⊃ supseteq:⊇ cup:∪ cap:∩ setminus:∖ "
    "emptyset:∅ varnothing:∅ forall:∀ exists:∃ nexists:∄ neg:¬ lnot:¬ land:∧ wedge:∧ lor:∨ vee:∨ "
    "to:→ rightarrow:→ leftarrow:← gets:← leftrightarrow:↔ Rightarrow:⇒ Leftarrow:⇐ "
    "Leftrightarrow:⇔ implies:⟹ impliedby:⟸ iff:⟺ mapsto:↦ longrightarrow:⟶ longleftarrow:⟵ "
    "Longrightarrow:⟹ uparrow:↑ downarrow:↓ rightleftharpoons:⇌ "
    "sum:∑ prod:∏ int:∫ iint:∬ oint:∮ partial:∂ nabla:∇ infty:∞ "
    "ldots:… dots:… dotsc:… dotsb:⋯ cdots:⋯ vdots:⋮ ddots:⋱ therefore:∴ because:∵ "
    "angle:∠ triangle:△ square:□ blacksquare:■ checkmark:✓ degree:° prime:′ hbar:ℏ ell:ℓ "
    "Re:ℜ Im:ℑ aleph:ℵ lfloor:⌊ rfloor:⌋ lceil:⌈ rceil:⌉ langle:⟨ rangle:⟩ "
    "lbrace:{ rbrace:} lvert:| rvert:| vert:| Vert:‖ lVert:‖ rVert:‖ backslash:∖ "
    "bmod:mod mod:mod"
) | {"colon": ":", "|": "‖"}
SPACES = {
    **dict.fromkeys([",", ";", ":", " ", ">", "quad", "thinspace"], " "),
    "!": "",
    "qquad": "  ",
    "newline": "\n",
}
FUNCTIONS = _names(
    "arccos arcsin arctan arg cos cosh cot csc deg det dim exp gcd inf ker lcm lg lim liminf "
    "limsup ln log max min sec sin sinh sup tan tanh Pr"
)
"""Commands that are shown as their names."""
WRAPPERS = _names(
    "text textbf textit textrm texttt textsf mathrm mathbf mathit mathsf mathtt mathcal mathfrak "
    "mathscr operatorname boldsymbol bm mbox overbrace underbrace hbox ensuremath"
)
"""Commands that only say how their argument is set."""
IGNORED = _names(
    "left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr displaystyle textstyle "
    "scriptstyle limits nolimits nonumber notag hline middle allowbreak"
)
ACCENTS = {
    "bar": "\u0304",
    "overline": "\u0305",
    "underline": "\u0332",
    "hat": "\u0302",
    "widehat": "\u0302",
    "tilde": "\u0303",
    "widetilde": "\u0303",
    "dot": "\u0307",
    "ddot": "\u0308",
    "vec": "\u20d7",
}
"""Combining characters, which come after the sign they belong to."""
BLACKBOARD = dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True))
SUPERSCRIPTS = dict(
    zip(
        "0123456789+-−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVW′*",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ′*",
        strict=True,
    )
)
SUBSCRIPTS = dict(
    zip(
        "0123456789+-−=()aehijklmnoprstuvxβγρφχ",
        "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ",
        strict=True,
    )
)
