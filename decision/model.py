"""The decision model: a Transformer decoder over the output, cross-attending the input.

After Bujard et al. (2025), §4.2, changed for real-time use. Two sequences of labels, one per hop: `heard` is the input
(A in the paper), `played` the output (B).
- one checkpoint attends to all of the input (offline) or to the input up to `lookahead` hops ago (live); only the mask
  differs;
- sliding windows and rotary positions (Su et al. 2021, arXiv:2104.09864) on both attentions: only the distance in hops
  between two labels is seen, so a performance may last for hours at constant cost per hop;
- rows are numbered by hop. Row t predicts played[t]; its input is played[t - 1], or the start symbol at the very first;
- an input hop has a label and features, since a label carries little: first its key, the position of the hop in the
  space of the alphabet's centroids, of unit length, then its level and the phase of the beat;
- beside the logits there is a query q: the score of a segment with key k is q . k + log p(its label), in nats. q is
  a linear map of the row, plus the newest input keys, each times a gate of the row. The gates are initialised as
  (1, 0, 0, 0), so an untrained query asks for what resembles the newest input hop. The centroids are keys, too: q adds
  to the logits of labels what it gives to their centroids. To play the last input hop, in unison or by its label, is
  therefore expressed by one number.

`Decision` holds the weights, `DecisionState` the state of a performance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from decision import kernel, saved
from decision.attributes import Asked
from decision.kernel import DecisionState as DecisionState

SMALL = {"dim": 256, "layers": 4, "heads": 4, "ff": 1024}
PAPER = {"dim": 768, "layers": 6, "heads": 12, "ff": 2048}
SHORTEST_WINDOW_S = 15.0  # s, what the paper's model sees


class DecisionError(ValueError):
    """A decision model that cannot be loaded or does not fit its use; the message has the reason and the remedy."""


@dataclass(frozen=True)
class DecisionConfig:
    """Sizes and vocabulary of a decision model; saved beside its weights.

    units: K labels, silence is label K; hop: s per label; window: labels seen back (and ahead, offline), at least
    15 s; alphabet: hash of the alphabet it speaks; lookaheads: the live masks it was trained with, in hops; key_dim:
    numbers of a key, 0 for a model that hears labels alone and has no query; extra_dim: further features of a hop.
    """

    units: int
    hop: float
    window: int
    dim: int
    layers: int
    heads: int
    ff: int
    dropout: float = 0.1
    alphabet: str = ""
    lookaheads: tuple[int, ...] = (1, 2, 4)
    key_dim: int = 0
    extra_dim: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "lookaheads", tuple(self.lookaheads))
        if min(self.units, self.window, self.dim, self.layers, self.heads, self.ff) < 1 or self.hop <= 0:
            raise DecisionError(f"every size of a decision model must be above 0: {self}")
        if self.dim % (4 * self.heads):
            raise DecisionError(f"dim = {self.dim}: expected a multiple of 4 * heads = {4 * self.heads}")
        if self.window * self.hop < SHORTEST_WINDOW_S - 1e-6:
            least = int(np.ceil(SHORTEST_WINDOW_S / self.hop - 1e-6))
            raise DecisionError(f"window = {self.window} labels of {self.hop} s: expected 15 s or more, {least} labels")
        if not 0 <= self.dropout < 1:
            raise DecisionError(f"dropout = {self.dropout}: expected 0 to 1")
        if self.key_dim < 0 or self.extra_dim < 0 or (self.extra_dim and not self.key_dim):
            raise DecisionError(f"key_dim = {self.key_dim}, extra_dim = {self.extra_dim}: extra features need a key")
        if any(k < 1 for k in self.lookaheads):
            raise DecisionError(f"lookaheads = {self.lookaheads}: expected 1 hop or more each")

    @property
    def vocab(self) -> int:
        """Number of labels of input and output: the units and silence."""
        return self.units + 1

    @property
    def feature_dim(self) -> int:
        """Number of input features of a hop beside its label: its key, then the extra features."""
        return self.key_dim + self.extra_dim

    @property
    def start(self) -> int:
        """Input symbol of the first row; it is never an output."""
        return self.units + 1


def rotary_factors(positions: np.ndarray, frequencies: np.ndarray) -> Tensor:
    """(cos|sin, n, head dim) float32 of hop numbers (n,); frequencies (head dim / 2,) in radians per hop.

    Angles are taken in float64: in float32 a position of 100,000 is off by several thousandths of a turn.
    """
    angle = np.asarray(positions, np.float64)[:, None] * frequencies
    cos, sin = np.cos(angle), np.sin(angle)
    return torch.from_numpy(np.stack([np.hstack([cos, cos]), np.hstack([-sin, sin])]).astype(np.float32))


def apply_rotary(x: Tensor, factors: Tensor) -> Tensor:
    """Rotate (..., n, head dim) by `rotary_factors` (RoPE, Su et al. 2021, eq. 34).

    Pair i is (a, b) = (x[i], x[i + head dim / 2]). At hop m it becomes (a cos mf - b sin mf, b cos mf + a sin mf), its
    rotation by the angle mf. The product of a query rotated by mf and a key rotated by nf is that of the query and the
    key rotated by (n - m) f, since a rotation keeps angles: attention sees the distance n - m and no position.
    """
    return (x * factors[0] + x.roll(x.shape[-1] // 2, -1) * factors[1]).to(x.dtype)


class Block(nn.Module):
    """One pre-norm layer: attention to the output, attention to the input, feed-forward."""

    WEIGHT_ORDER = (
        "norm_own",
        "own_in",
        "own_out",
        "norm_heard",
        "heard_in",
        "heard_out",
        "norm_ff",
        "ff_in",
        "ff_out",
    )

    def __init__(self, config: DecisionConfig):
        super().__init__()
        dim, self.heads = config.dim, config.heads
        self.norm_own, self.norm_heard, self.norm_ff = nn.LayerNorm(dim), nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.own_in, self.own_out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.heard_in, self.heard_out = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.ff_in, self.ff_out = nn.Linear(dim, config.ff), nn.Linear(config.ff, dim)
        self.drop = nn.Dropout(config.dropout)

    def split_heads(self, x: Tensor) -> Tensor:
        """(batch, n, parts * dim) -> (parts, batch, heads, n, head)."""
        batch, n, _ = x.shape
        head = self.own_out.in_features // self.heads
        return x.view(batch, n, -1, self.heads, head).permute(2, 0, 3, 1, 4)

    def forward(
        self,
        x: Tensor,
        rotary: Tensor,
        own_mask: Tensor,
        keys: Tensor,
        values: Tensor,
        heard_mask: Tensor,
        cache: Tensor | None = None,
    ) -> Tensor:
        """(batch, n, dim) -> (batch, n, dim).

        rotary: factors of the n rows; own_mask (n, m) bool: which rows each sees; keys, values (batch, heads, slots,
        head dim) of the input; heard_mask (n, slots) bool, or (batch, 1, n, slots). Attention itself has no dropout:
        fused, the CPU has none. cache: None, and m = n; or (2, batch, heads, m or more, head dim) keys and values of
        the m - n rows before, to which those of these n are added.
        """
        query, key, value = self.split_heads(self.own_in(self.norm_own(x)))
        query, key = apply_rotary(query, rotary), apply_rotary(key, rotary)
        if cache is not None:
            rows = own_mask.shape[1]
            cache[0, :, :, rows - x.shape[1] : rows], cache[1, :, :, rows - x.shape[1] : rows] = key, value
            key, value = cache[:, :, :, :rows]
        x = x + self.drop(self.own_out(merge_heads(attention(query, key, value, own_mask))))
        query = apply_rotary(self.split_heads(self.heard_in(self.norm_heard(x)))[0], rotary)
        x = x + self.drop(self.heard_out(merge_heads(attention(query, keys, values, heard_mask))))
        added: Tensor = self.drop(self.ff_out(F.gelu(self.ff_in(self.norm_ff(x)))))
        return x + added


def attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """Fused attention, (batch, heads, n, head). On a CPU in float32 or wider even under autocast: the backward pass of
    the fused kernel takes four times as long in bfloat16 (105 ms against 26 for eight of 32 x 30 labels)."""
    if query.device.type == "cpu":
        with torch.autocast("cpu", enabled=False):
            query, key, value = (x.to(torch.promote_types(x.dtype, torch.float32)) for x in (query, key, value))
            return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)


def merge_heads(x: Tensor) -> Tensor:
    """(batch, heads, n, head) -> (batch, n, dim)."""
    return x.transpose(1, 2).flatten(2)


class Decision(nn.Module):
    """Predicts the next label to play. Training: `forward`. Playing: `start`, then per hop `hear`, `plan`, `commit`."""

    centroids: Tensor  # (vocab, key dim) unit centroids of the labels, silence 0
    log_sharpness: nn.Parameter  # of the query, see the module
    centroid_weight: nn.Parameter  # of what the query adds to the logits of labels

    def __init__(self, config: DecisionConfig):
        super().__init__()
        self.config = config
        self.card: dict[str, Any] = {}  # how it was made: steps, data, scores
        self._weights: kernel.Weights | None = None
        dim, head = config.dim, config.dim // config.heads
        # Half of each head rotates, from 1 radian per hop down to 1 per window; the other half is blind to position
        # and holds the null key, which must look the same from everywhere.
        rotating = float(config.window) ** -np.linspace(0.0, 1.0, head // 4)
        self.frequencies = np.concatenate([rotating, np.zeros(head // 2 - head // 4)])
        self.played = nn.Embedding(config.vocab + 1, dim)
        self.heard = nn.Embedding(config.vocab, dim)
        self.heard_features = nn.Linear(config.feature_dim, dim, bias=False) if config.key_dim else None
        self.norm_heard = nn.LayerNorm(dim)
        self.heard_out = nn.Linear(dim, config.layers * 2 * dim)  # keys and values of all layers at once
        self.null = nn.Parameter(torch.zeros(config.layers, 2, config.heads, head))
        self.drop = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, config.vocab)
        if config.key_dim:
            self.query_head, self.gate_head = nn.Linear(dim, config.key_dim), nn.Linear(dim, kernel.FOLLOWED)
            self.log_sharpness, self.centroid_weight = nn.Parameter(torch.tensor(1.0)), nn.Parameter(torch.tensor(0.5))
            self.register_buffer("centroids", torch.zeros(config.vocab, config.key_dim))
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        for name, p in self.blocks.named_parameters():
            if name.endswith("out.weight"):  # added to the residual stream: small, or depth would make it grow
                nn.init.normal_(p, std=0.02 / (3 * self.config.layers) ** 0.5)
        if self.config.key_dim:
            with torch.no_grad():
                self.gate_head.bias.copy_(torch.eye(kernel.FOLLOWED)[0])

    def set_centroids(self, centroids: np.ndarray) -> None:
        """Let labels be asked for by their centroids (units, key dim), which are brought to unit length."""
        units = torch.from_numpy(np.asarray(centroids, np.float32)).to(self.centroids)
        self.centroids.zero_()
        self.centroids[: self.config.units] = F.normalize(units, dim=1)

    # Training and offline evaluation

    def forward(
        self,
        heard: Tensor,
        played: Tensor,
        lookahead: int | None = None,
        *,
        features: Tensor | None = None,
        origin: int = 0,
    ) -> Tensor:
        """Logits (B, T, vocab) of `played` (B, T), teacher-forced, given `heard` (B, S); both int64 labels.

        logits[:, t] predicts played[:, t] and sees played[:, :t] and, within `window`, all of the input
        (lookahead None) or heard[:, s] with s <= t - lookahead. features (B, S, feature dim): of the input hops;
        None: not known, all 0. `origin` is the hop number of the first label.
        """
        return self.both_heads(heard, played, lookahead, features=features, origin=origin)[0]

    def both_heads(
        self,
        heard: Tensor,
        played: Tensor,
        lookahead: int | None = None,
        *,
        features: Tensor | None = None,
        origin: int = 0,
        asked: Asked | None = None,
    ) -> tuple[Tensor, Tensor]:
        """`forward`, and the queries (B, T, key dim) of the rows, in nats per unit of a key.

        asked: what is asked for in each row, see `decision.attributes`; None: nothing, as in `forward`.
        """
        first = played.new_full((len(played), 1), self.config.start)
        x = self.drop(self.played(torch.cat([first, played[:, :-1]], 1)))
        hops, heard_hops = np.arange(played.shape[1]) + origin, np.arange(heard.shape[1]) + origin
        own_mask, heard_mask = (torch.from_numpy(m).to(x.device) for m in self._masks(hops, heard_hops, lookahead))
        keys, values = self._heard_keys_values(heard, features, heard_hops, asked).unbind(1)
        heard_mask = heard_mask if asked is None else _with_tokens(heard_mask, asked)
        rotary = rotary_factors(hops, self.frequencies).to(x.device)
        for i, block in enumerate(self.blocks):
            x = block(x, rotary, own_mask, keys[i], values[i], heard_mask)
        newest = torch.arange(played.shape[1], device=x.device) - (lookahead or 0)
        return self._heads(self.norm(x), features, newest.clamp(max=heard.shape[1] - 1))

    def _heads(self, x: Tensor, features: Tensor | None, newest: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and queries of normed rows x (B, n, dim).

        newest (n,): number of the newest hop, counted in `features`, that each row may follow; below 0: none.
        """
        logits: Tensor = self.head(x)
        if not self.config.key_dim:
            return logits, logits.new_zeros(*logits.shape[:2], 0)
        query: Tensor = self.query_head(x)
        if features is not None:
            back = newest[:, None] - torch.arange(kernel.FOLLOWED, device=x.device)  # (n, FOLLOWED)
            keys = features[:, back.clamp(min=0), : self.config.key_dim] * (back >= 0)[..., None]
            query = query + (self.gate_head(x)[..., None] * keys).sum(2)
        query = query * self.log_sharpness.exp()
        return logits + query @ (self.centroid_weight * self.centroids).T, query

    @torch.no_grad()
    def generate(
        self,
        heard: Tensor,
        choose: Callable[[int, Tensor], Tensor],
        lookahead: int | None = None,
        *,
        features: Tensor | None = None,
        asked: Asked | None = None,
    ) -> Tensor:
        """Labels (B, T) int64 played on its own history to `heard` (B, T): label t is `choose(t, logits (B, vocab))`.

        The rows of `forward`, one by one, for training: many sequences at once, on any device. Live, use `start`.
        """
        (batch, length), c = heard.shape, self.config
        hops, device = np.arange(length), heard.device
        own_mask, heard_mask = (torch.from_numpy(m).to(device) for m in self._masks(hops, hops, lookahead))
        keys, values = self._heard_keys_values(heard, features, hops, asked).unbind(1)
        heard_mask = heard_mask if asked is None else _with_tokens(heard_mask, asked)
        rotary = rotary_factors(hops, self.frequencies).to(device)
        cache = keys.new_zeros((c.layers, 2, batch, c.heads, length, keys.shape[-1]), dtype=torch.float32)
        labels, last = torch.empty_like(heard), heard.new_full((batch,), c.start)
        newest = torch.arange(length, device=device) - (lookahead or 0)
        for t in range(length):
            x, row = self.played(last[:, None]), slice(t, t + 1)
            for i, block in enumerate(self.blocks):
                masks = own_mask[row, : t + 1], heard_mask[..., row, :]
                x = block(x, rotary[:, row], masks[0], keys[i], values[i], masks[1], cache[i])
            last = labels[:, t] = choose(t, self._heads(self.norm(x), features, newest[row])[0][:, 0])
        return labels

    def _masks(self, hops: np.ndarray, heard: np.ndarray, lookahead: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Attention masks, given the hop numbers of both: rows x rows, rows x (null, heard); bool, True = seen."""
        t, window = hops[:, None], self.config.window
        own = (hops <= t) & (hops > t - window)
        heard_mask = (heard > t - window) & (heard < t + window)
        if lookahead is not None:
            heard_mask &= heard <= t - lookahead
        return own, np.hstack([np.ones_like(t, bool), heard_mask])

    def _null(self) -> Tensor:
        """Null keys and values (layers, 2, 1, heads, 1, head), the keys zero wherever a query is rotated."""
        unrotated = torch.from_numpy(self.unrotated).to(self.null)
        mask = torch.stack([unrotated, torch.ones_like(unrotated)])[:, None]
        return (self.null * mask)[:, :, None, :, None]

    @property
    def unrotated(self) -> np.ndarray:
        """(head dim,) bool: where no query is rotated, so that a key there looks the same from everywhere."""
        return np.tile(self.frequencies == 0, 2)

    def _keys(self, labels: Tensor, features: Tensor | None, hops: np.ndarray) -> Tensor:
        """Keys and values (layers, 2, B, heads, S, head) of input labels (B, S), keys rotated to their hops (S,)."""
        c, x = self.config, self.heard(labels)
        if self.heard_features is not None and features is not None:
            x = x + self.heard_features(features)
        both = self.heard_out(self.norm_heard(self.drop(x)))
        both = both.view(*labels.shape, c.layers, 2, c.heads, -1).permute(2, 3, 0, 4, 1, 5)
        factors = rotary_factors(hops, self.frequencies).to(both.device)
        return torch.stack([apply_rotary(both[:, 0], factors), both[:, 1]], 1)

    def _heard_keys_values(
        self, heard: Tensor, features: Tensor | None, hops: np.ndarray, asked: Asked | None = None
    ) -> Tensor:
        """Keys and values (layers, 2, B, heads, 1 + n + S, head dim): null, the n tokens of `asked`, then the input."""
        both = self._keys(heard, features, hops)
        always = [self._null()] if asked is None else [self._null(), asked.tokens[:, :, None]]
        seen = [each.to(both.dtype).expand(-1, -1, len(heard), -1, -1, -1) for each in always]
        return torch.cat([*seen, both], 4)

    # Playing: the same by single rows, see decision/kernel.py

    def train(self, mode: bool = True) -> Decision:
        """As nn.Module.train; the weights packed for playing are dropped, since training may change them."""
        self._weights = None
        return super().train(mode)

    @torch.no_grad()
    def packed_weights(self) -> kernel.Weights:
        """A copy of the weights as the kernel reads them, packed once after each call of `eval`.

        RuntimeError in training mode: the copy would grow old.
        """
        if self.training:
            raise RuntimeError("a decision model in training cannot play: call eval() first")
        if self._weights is None:
            c = self.config
            heard, heads = self.heard_features, [self.norm, self.head]
            features = np.zeros((0, c.dim), np.float32) if heard is None else _packed(heard.weight.T)
            centroids, sharpness = np.zeros((c.vocab, 0), np.float32), 1.0
            if c.key_dim:
                heads += [self.query_head, self.gate_head]
                centroids = _packed(self.centroid_weight * self.centroids)
                sharpness = float(self.log_sharpness.exp())
            layers = [_end_to_end(*(getattr(block, name) for name in Block.WEIGHT_ORDER)) for block in self.blocks]
            self._weights = kernel.Weights(
                embedding=_packed(self.played.weight),
                heard=_packed(self.heard.weight),
                heard_features=features,
                heard_out=kernel.packed(_packed(_end_to_end(self.norm_heard, self.heard_out))),
                null_kv=_packed(self._null().squeeze((2, 4))),
                layers=kernel.packed(_packed(torch.stack(layers))),
                head=kernel.packed(_packed(_end_to_end(*heads))),
                centroids=centroids,
                sharpness=sharpness,
                frequencies=self.frequencies,
                window=c.window,
                ff=c.ff,
            )
        return self._weights

    def start(self, batch: int | None = None, *, origin: int = 0) -> DecisionState:
        """The initial state, without input or output; the next hop is number `origin`.

        With `batch`, that many independent sequences in step: labels are then (batch,) arrays, logits (batch, vocab).
        """
        return kernel.start(self.packed_weights(), self.config.start, batch, origin)

    def hear(self, state: DecisionState, label: int | np.ndarray, features: np.ndarray | None = None) -> None:
        """Process the label of the next input hop; live, after the `commit` of what was played meanwhile.

        features: (feature dim,) float32 of that hop, with a batch (batch, feature dim); None: not known, all 0.
        Input may run up to `window` hops ahead of output, as when a whole file is known; DecisionError beyond.
        """
        window, labels = self.config.window, self._labels(state, label)
        if state.heard - state.played >= window:
            raise DecisionError(f"heard {window} hops (the window) ahead of what is played: commit what was played")
        shape = len(labels), self.config.feature_dim
        known = np.zeros(shape, np.float32) if features is None else np.asarray(features, np.float32).reshape(shape)
        kernel.hear(self.packed_weights(), state, labels, known)

    def ask(self, state: DecisionState, tokens: np.ndarray, leaning: np.ndarray, guidance: float) -> None:
        """Ask for something from the next label on: see `decision.kernel.ask` and `decision.attributes`."""
        kernel.ask(state, tokens, leaning, guidance)

    def logits(self, state: DecisionState) -> np.ndarray:
        """(vocab,) float32 for the next label to be played, given all input so far."""
        self._decode(state)
        return state.logits[0].copy() if state.single else state.logits.copy()

    def query(self, state: DecisionState) -> np.ndarray:
        """(key dim,) float32, with a batch (batch, key dim): what the next segment should be like, see the module."""
        self._decode(state)
        return state.query[0].copy() if state.single else state.query.copy()

    def _decode(self, state: DecisionState) -> None:
        if state.logits_at != state.heard:
            state.logits, state.query = kernel.decode_row(self.packed_weights(), state, 0, state.last)
            state.logits_at = state.heard

    def plan(self, state: DecisionState, choose: Callable[[np.ndarray], Any], horizon: int) -> list[Any]:
        """The next `horizon` labels, 1 to `window`, each chosen by `choose(logits) -> label` given those before it.

        All are planned from the present input. The state does not change; only scratch rows are written.
        """
        if not 1 <= horizon <= self.config.window:
            raise DecisionError(f"horizon = {horizon}: expected 1 to {self.config.window} labels, the window")
        plan = [choose(self.logits(state))]
        for ahead in range(1, horizon):
            logits, _ = kernel.decode_row(self.packed_weights(), state, ahead, self._labels(state, plan[-1]))
            plan.append(choose(logits[0] if state.single else logits))
        return plan

    def commit(self, state: DecisionState, label: int | np.ndarray) -> None:
        """Append the label really played at this hop to the history, whatever was planned.

        Commit before the next `hear`: the row has the input known when it was decided, as in training.
        """
        labels = self._labels(state, label)
        self.logits(state)  # a hop answered without a plan needs its row all the same
        kernel.commit(self.packed_weights(), state, labels)

    def _labels(self, state: DecisionState, label: int | np.ndarray) -> np.ndarray:
        labels = np.array(label, np.int64, ndmin=1)
        if labels.shape != state.last.shape or labels.min() < 0 or labels.max() >= self.config.vocab:
            k, n = self.config.units, len(state.last)
            raise DecisionError(f"label {label}: expected {n} of 0 to {k} ({k} is silence)")
        return labels

    # Storage

    def check(self, alphabet: str, hop: float) -> None:
        """DecisionError unless the model speaks this alphabet (its hash) at this hop (s)."""
        c = self.config
        if alphabet != c.alphabet:
            raise DecisionError(
                f"the decision model speaks alphabet {c.alphabet or '(none)'}, not {alphabet}: use the model they "
                "were made with, or train it again: antiphon train decision TOKENS -o DIR"
            )
        if abs(hop - c.hop) > 1e-9:
            raise DecisionError(
                f"the decision model was trained at a hop of {c.hop} s, not {hop} s: set hop = {c.hop}, or train one: "
                "antiphon train decision TOKENS -o DIR"
            )

    def files(self, card: Mapping[str, Any] | None = None, dtype: torch.dtype = torch.float16) -> dict[str, bytes]:
        """{name: content} of decision.safetensors (`dtype`, half the size by default) and decision.json.

        dtype: float32, float16, or int8, a quarter of the size, whose rounding `saved.to_files` describes.

        `card` (or the model's own): steps, data and scores of its training, as JSON values.
        """
        return saved.to_files("decision", self, self.config, self.card if card is None else card, dtype)

    @classmethod
    def load(cls, folder: Path | str) -> Decision:
        """The model saved in `folder`, in float32 and ready to play. DecisionError when it is absent or damaged."""
        remedy = "train one with: antiphon train decision TOKENS -o DIR"
        model, card = saved.load(
            Path(folder), "decision", lambda sizes: cls(DecisionConfig(**sizes)), remedy, DecisionError
        )
        model.card = card
        return model


def _with_tokens(heard_mask: Tensor, asked: Asked) -> Tensor:
    """(B, 1, n, 1 + tokens + hops) bool of the mask (n, 1 + hops) of null and input: the tokens come after the null."""
    seen = asked.seen[:, None]
    mask = heard_mask.expand(len(seen), 1, -1, -1)
    return torch.cat([mask[..., :1], seen, mask[..., 1:]], -1)


def _end_to_end(*modules: Any) -> Tensor:
    """(n,): weight and bias of each module, one after the other."""
    return torch.cat([p.flatten() for m in modules for p in (m.weight, m.bias)])


def _packed(x: Tensor) -> np.ndarray:
    return x.detach().float().cpu().contiguous().numpy().copy()
