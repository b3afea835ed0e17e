"""TeX's commands for symbols, and the characters of Unicode for them."""

from __future__ import annotations

from localqwq.tui.text.tex.nodes import Kind


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split(":", 1) for pair in text.split())


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LETTERS = _pairs(
    "alpha:α beta:β gamma:γ delta:δ epsilon:ϵ varepsilon:ε zeta:ζ eta:η theta:θ vartheta:ϑ "
    "iota:ι kappa:κ varkappa:ϰ lambda:λ mu:μ nu:ν xi:ξ omicron:ο pi:π varpi:ϖ rho:ρ varrho:ϱ "
    "sigma:σ varsigma:ς tau:τ upsilon:υ phi:ϕ varphi:φ chi:χ psi:ψ omega:ω digamma:ϝ "
    "Gamma:Γ Delta:Δ Theta:Θ Lambda:Λ Xi:Ξ Pi:Π Sigma:Σ Upsilon:Υ Phi:Φ Psi:Ψ Omega:Ω "
    "partial:∂ nabla:∇ infty:∞ emptyset:∅ varnothing:∅ forall:∀ exists:∃ nexists:∄ "
    "ldots:… dots:… dotsc:… dotsb:⋯ dotsm:⋯ cdots:⋯ vdots:⋮ ddots:⋱ angle:∠ measuredangle:∡ "
    "triangle:△ square:□ Box:□ blacksquare:■ Diamond:◇ lozenge:◊ bigstar:★ checkmark:✓ "
    "degree:° prime:′ hbar:ℏ hslash:ℏ ell:ℓ Re:ℜ Im:ℑ aleph:ℵ beth:ℶ wp:℘ imath:ı jmath:ȷ "
    "top:⊤ bot:⊥ neg:¬ lnot:¬ dagger:† ddagger:‡ S:§ P:¶ pounds:£ euro:€ yen:¥ copyright:© "
    "clubsuit:♣ diamondsuit:♢ heartsuit:♡ spadesuit:♠ flat:♭ natural:♮ sharp:♯ complement:∁ "
    "mho:℧ surd:√ backslash:\\ aa:å AA:Å o:ø O:Ø ss:ß ae:æ AE:Æ textdegree:° textbackslash:\\ "
    "textasciitilde:~ textasciicircum:^ QED:∎ qed:∎ blacktriangle:▲ bigcirc:◯ sun:☉"
)
_OPERATORS = _pairs(
    "times:× cdot:· cdotp:· div:÷ pm:± mp:∓ ast:∗ star:⋆ circ:∘ bullet:• oplus:⊕ ominus:⊖ "
    "otimes:⊗ oslash:⊘ odot:⊙ cup:∪ cap:∩ uplus:⊎ sqcup:⊔ sqcap:⊓ setminus:∖ smallsetminus:∖ "
    "land:∧ wedge:∧ lor:∨ vee:∨ barwedge:⊼ veebar:⊻ wr:≀ amalg:⨿ triangleleft:◁ triangleright:▷ "
    "rtimes:⋊ ltimes:⋉ bmod:mod"
)
_RELATIONS = _pairs(
    "le:≤ leq:≤ leqslant:≤ leqq:≦ ge:≥ geq:≥ geqslant:≥ geqq:≧ lt:< gt:> ne:≠ neq:≠ ll:≪ gg:≫ "
    "nless:≮ ngtr:≯ nleq:≰ ngeq:≱ lesssim:≲ gtrsim:≳ approx:≈ approxeq:≊ equiv:≡ sim:∼ simeq:≃ "
    "cong:≅ ncong:≇ nsim:≁ asymp:≍ doteq:≐ triangleq:≜ propto:∝ varpropto:∝ mid:| nmid:∤ "
    "parallel:∥ nparallel:∦ perp:⊥ in:∈ notin:∉ ni:∋ owns:∋ subset:⊂ subseteq:⊆ subsetneq:⊊ "
    "supset:⊃ supseteq:⊇ supsetneq:⊋ nsubseteq:⊈ nsupseteq:⊉ sqsubseteq:⊑ sqsupseteq:⊒ "
    "prec:≺ preceq:⪯ succ:≻ succeq:⪰ vdash:⊢ dashv:⊣ models:⊨ vDash:⊨ Vdash:⊩ nvdash:⊬ "
    "to:→ rightarrow:→ leftarrow:← gets:← leftrightarrow:↔ Rightarrow:⇒ Leftarrow:⇐ "
    "Leftrightarrow:⇔ implies:⟹ impliedby:⟸ iff:⟺ mapsto:↦ longmapsto:⟼ longrightarrow:⟶ "
    "longleftarrow:⟵ Longrightarrow:⟹ Longleftarrow:⟸ longleftrightarrow:⟷ "
    "Longleftrightarrow:⟺ hookrightarrow:↪ hookleftarrow:↩ twoheadrightarrow:↠ rightharpoonup:⇀ "
    "rightharpoondown:⇁ leftharpoonup:↼ leftharpoondown:↽ rightleftharpoons:⇌ leftrightarrows:⇆ "
    "rightrightarrows:⇉ rightsquigarrow:⇝ leadsto:⇝ nrightarrow:↛ nleftarrow:↚ nRightarrow:⇏ "
    "uparrow:↑ downarrow:↓ updownarrow:↕ Uparrow:⇑ Downarrow:⇓ nearrow:↗ searrow:↘ swarrow:↙ "
    "nwarrow:↖ coloneqq:≔ eqqcolon:≕ defeq:≝ therefore:∴ because:∵ bowtie:⋈ smile:⌣ frown:⌢ "
    "between:≬ pitchfork:⋔ multimap:⊸ trianglelefteq:⊴ trianglerighteq:⊵ lhd:⊲ rhd:⊳ unlhd:⊴ "
    "vartriangleleft:⊲ vartriangleright:⊳ colon::"
)
_LARGE = _pairs(
    "sum:∑ prod:∏ coprod:∐ int:∫ iint:∬ iiint:∭ oint:∮ oiint:∯ smallint:∫ bigcup:⋃ bigcap:⋂ "
    "bigsqcup:⨆ bigvee:⋁ bigwedge:⋀ bigoplus:⨁ bigotimes:⨂ bigodot:⨀ biguplus:⨄"
)
_OPENING = _pairs(
    "lfloor:⌊ lceil:⌈ langle:⟨ lbrace:{ lbrack:[ lvert:| lVert:‖ llbracket:⟦ ulcorner:⌜"
)
_CLOSING = _pairs(
    "rfloor:⌋ rceil:⌉ rangle:⟩ rbrace:} rbrack:] rvert:| rVert:‖ rrbracket:⟧ urcorner:⌝"
)
COMMANDS: dict[str, tuple[str, Kind]] = {
    **{name: (sign, Kind.LETTER) for name, sign in _LETTERS.items()},
    **{name: (sign, Kind.OPERATOR) for name, sign in _OPERATORS.items()},
    **{name: (sign, Kind.RELATION) for name, sign in _RELATIONS.items()},
    **{name: (sign, Kind.LARGE) for name, sign in _LARGE.items()},
    **{name: (sign, Kind.OPEN) for name, sign in _OPENING.items()},
    **{name: (sign, Kind.CLOSE) for name, sign in _CLOSING.items()},
    "vert": ("|", Kind.LETTER),
    "Vert": ("‖", Kind.LETTER),
    "|": ("‖", Kind.LETTER),
    "{": ("{", Kind.OPEN),
    "}": ("}", Kind.CLOSE),
    "%": ("%", Kind.AFTER),
    "$": ("$", Kind.LETTER),
    "#": ("#", Kind.LETTER),
    "&": ("&", Kind.OPERATOR),
    "_": ("_", Kind.LETTER),
}
"""Commands for a single sign."""
CHARACTERS: dict[str, Kind] = {
    **dict.fromkeys("+-−*/", Kind.OPERATOR),
    **dict.fromkeys("=<>≤≥≠≈∈→", Kind.RELATION),
    **dict.fromkeys(",;:", Kind.PUNCTUATION),
    **dict.fromkeys("([", Kind.OPEN),
    **dict.fromkeys(")]", Kind.CLOSE),
    "!": Kind.AFTER,
    "%": Kind.AFTER,
    "?": Kind.AFTER,
}
"""Kinds of typed characters other than letters and digits."""
NEGATED = _pairs(
    "=:≠ <:≮ >:≯ ≤:≰ ≥:≱ ∈:∉ ∋:∌ ⊂:⊄ ⊃:⊅ ⊆:⊈ ⊇:⊉ ≡:≢ ∼:≁ ≃:≄ ≈:≉ ≅:≇ ∣:∤ |:∤ ∥:∦ ∃:∄ ⊢:⊬ ⊨:⊭ "
    "→:↛ ←:↚ ⇒:⇏ ≺:⊀ ≻:⊁"
)
"""Signs negated by ``\\not``."""
SPACES = {
    **dict.fromkeys(
        [",", ";", ":", " ", ">", "thinspace", "medspace", "thickspace", "enspace"], " "
    ),
    "!": "",
    "negthinspace": "",
    "quad": "  ",
    "qquad": "    ",
}
FUNCTIONS = _names(
    "arccos arcsin arctan arccot arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lcm lg "
    "lim liminf limsup ln log max min sec sin sinh sup tan tanh Pr sgn sech csch argmax argmin"
)
"""Commands shown as their names."""
LIMITS = _names("lim liminf limsup max min sup inf argmax argmin det gcd Pr")
"""Those that TeX sets a subscript below."""
TEXTS = _names(
    "text textbf textit textrm texttt textsf textnormal textsc textmd textup emph mbox hbox"
)
"""Commands with a text argument."""
PLAIN = _names(
    "mathrm mathit mathsf mathtt mathnormal bold mathop mathbin mathrel mathord mathopen "
    "mathclose mathinner ensuremath smash"
)
"""Commands that only determine how their argument is set."""
ALPHABETS = {
    **dict.fromkeys(("mathbb", "mathbbm", "mathds", "Bbb"), ("DOUBLE-STRUCK", "DOUBLE-STRUCK")),
    **dict.fromkeys(("mathcal", "mathscr"), ("SCRIPT", "SCRIPT")),
    "mathfrak": ("FRAKTUR", "BLACK-LETTER"),
    **dict.fromkeys(("mathbf", "boldsymbol", "bm", "pmb"), ("BOLD", "BOLD")),
}
"""Commands for other alphabets, and Unicode's names for those."""
SIZES = _names(
    "big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr bigm Bigm biggm Biggm"
)
"""Commands for the size of the bracket after them."""
IGNORED = _names(
    "displaystyle textstyle scriptstyle scriptscriptstyle limits nolimits nonumber notag "
    "allowbreak nobreak displaylimits relax null centering bfseries rmfamily normalsize small "
    "large Large it mathstrut strut"
)
SKIPPED = _names("label color vspace hspace vphantom require")
"""Commands with an argument that show nothing."""
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
    "overrightarrow": "\u20d7",
    "check": "\u030c",
    "breve": "\u0306",
    "mathring": "\u030a",
    "acute": "\u0301",
    "grave": "\u0300",
    "cancel": "\u0336",
    "bcancel": "\u0336",
    "xcancel": "\u0336",
    "sout": "\u0336",
}
"""Combining characters, which follow the sign they belong to."""
LINES = _names("bar overline underline cancel bcancel xcancel sout")
"""Those that can span many signs; the others are then written as calls."""
CALLED = {"widehat": "hat", "widetilde": "tilde", "overrightarrow": "vec"}
"""Their names as calls, if different."""
SUPERSCRIPTS = dict(
    zip(
        "0123456789+-−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVW′″‴†‡⊤βγδθφχ°",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ′″‴†‡ᵀᵝᵞᵟᶿᵠᵡ°",
        strict=True,
    )
)
SUBSCRIPTS = dict(
    zip(
        "0123456789+-−=()aehijklmnoprstuvxβγρφχ,",
        "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ,",
        strict=True,
    )
)
