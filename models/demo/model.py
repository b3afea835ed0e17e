"""Qwen2 in plain torch, with the tensor names of Hugging Face."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

_EMBEDDING = 0.3
Cache = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Shape:
    """The sizes `config.json` gives."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    rms_norm_eps: float
    rope_theta: float

    @classmethod
    def read(cls, path: Path) -> Shape:
        """Take the sizes from a `config.json`."""
        config = json.loads(path.read_text("utf-8"))
        return cls(**{name: config[name] for name in cls.__dataclass_fields__})


class RMSNorm(nn.Module):
    """Scale to unit root mean square, then by a learned weight."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalize the last dimension."""
        return functional.rms_norm(x, (x.shape[-1],), self.weight, self.eps)


class Attention(nn.Module):
    """Grouped-query attention with biases on queries, keys and values."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads, self.kv_heads = shape.num_attention_heads, shape.num_key_value_heads
        self.size = shape.hidden_size // self.heads
        self.q_proj = nn.Linear(shape.hidden_size, self.heads * self.size)
        self.k_proj = nn.Linear(shape.hidden_size, self.kv_heads * self.size)
        self.v_proj = nn.Linear(shape.hidden_size, self.kv_heads * self.size)
        self.o_proj = nn.Linear(self.heads * self.size, shape.hidden_size, bias=False)

    def forward(
        self,
        x: Tensor,
        rope: tuple[Tensor, Tensor],
        mask: Tensor,
        past: tuple[Tensor, Tensor] | None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Attend where `mask` is true; returns the output and the extended keys and values."""
        rows, length, _ = x.shape
        query = self.q_proj(x).view(rows, length, self.heads, self.size).transpose(1, 2)
        key = self.k_proj(x).view(rows, length, self.kv_heads, self.size).transpose(1, 2)
        value = self.v_proj(x).view(rows, length, self.kv_heads, self.size).transpose(1, 2)
        query, key = _rotate(query, rope), _rotate(key, rope)
        if past is not None:
            key, value = torch.cat([past[0], key], 2), torch.cat([past[1], value], 2)
        groups = self.heads // self.kv_heads
        mixed = functional.scaled_dot_product_attention(
            query,
            key.repeat_interleave(groups, 1),
            value.repeat_interleave(groups, 1),
            attn_mask=mask,
        )
        return self.o_proj(mixed.transpose(1, 2).reshape(rows, length, -1)), (key, value)


class MLP(nn.Module):
    """SwiGLU."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.hidden_size, shape.intermediate_size, bias=False)
        self.up_proj = nn.Linear(shape.hidden_size, shape.intermediate_size, bias=False)
        self.down_proj = nn.Linear(shape.intermediate_size, shape.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Transform every position by itself."""
        gated: Tensor = self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))
        return gated


class Layer(nn.Module):
    """Attention, then MLP, each on its normalized input."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(shape.hidden_size, shape.rms_norm_eps)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = RMSNorm(shape.hidden_size, shape.rms_norm_eps)
        self.mlp = MLP(shape)

    def forward(
        self,
        x: Tensor,
        rope: tuple[Tensor, Tensor],
        mask: Tensor,
        past: tuple[Tensor, Tensor] | None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """One layer; see `Attention`."""
        mixed, kept = self.self_attn(self.input_layernorm(x), rope, mask, past)
        x = x + mixed
        return x + self.mlp(self.post_attention_layernorm(x)), kept


class Body(nn.Module):
    """Everything but the head; its names carry the `model.` of Hugging Face."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocab_size, shape.hidden_size)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.num_hidden_layers))
        self.norm = RMSNorm(shape.hidden_size, shape.rms_norm_eps)
        half = shape.hidden_size // shape.num_attention_heads // 2
        steps = shape.rope_theta ** (-torch.arange(half) / half)
        self.register_buffer("frequencies", steps, persistent=False)

    def forward(
        self, tokens: Tensor, positions: Tensor, mask: Tensor, past: Cache | None = None
    ) -> tuple[Tensor, Cache]:
        """Hidden states of all positions, and keys and values to continue from."""
        angles = positions[:, None, :, None] * self.get_buffer("frequencies")
        rope = (angles.cos(), angles.sin())
        x = self.embed_tokens(tokens)
        kept: Cache = []
        for index, layer in enumerate(self.layers):
            x, pair = layer(x, rope, mask, past[index] if past else None)
            kept.append(pair)
        return self.norm(x), kept


class Qwen2(nn.Module):
    """The language model; its head is the embedding."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.model = Body(shape)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                # Outputs into the residual stream start smaller, so that depth adds up to one.
                out = name.endswith(("o_proj.weight", "down_proj.weight"))
                scale = (2 * shape.num_hidden_layers) ** -0.5 if out else 1.0
                nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5 * scale)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)
        # Embeddings large enough not to drown in what the layers add, and a small last norm, so
        # that the tied head still starts with scores of about one.
        nn.init.normal_(self.model.embed_tokens.weight, std=_EMBEDDING)
        nn.init.constant_(self.model.norm.weight, shape.hidden_size**-0.5 / _EMBEDDING)

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores of all tokens for hidden states."""
        return functional.linear(hidden, self.model.embed_tokens.weight)


def _rotate(x: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
    cos, sin = rope
    first, second = x.chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)
