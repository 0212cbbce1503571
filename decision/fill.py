"""The fill model: writes the missing part of a song, given the others and an instruction, by masked diffusion.

The symbolic variant of Subtractive Training (Villa-Renteria et al., 2024): a part is taken away and a diffusion model
learns to put it back. Here the diffusion is over symbols that are masked and unmasked (Austin et al. 2021,
arXiv:2107.03006; Chang et al. 2022, arXiv:2202.04200), by a Transformer whose tokens are the steps of a grid:

- a part is its *rhythm*, whether anything begins in a step, and its *cells*, OFF, ONSET or HOLD for each row of
  `decision.roll`. The rhythm is unmasked first, then the cells, so that the voices of a chord agree on when it sounds;
- in each pass every masked symbol gets a probability, and those are drawn and kept first of which it is surest: in
  every pass the same share of the entropy that is left. What was given is never masked;
- a monophonic part has one symbol a step: rest, hold, or a pitch;
- a cell is also told directly how it relates to what is known (`Fill._relations`): is its pitch class heard now or
  around, is it that of the lowest note, did it sound a step, a bar or two bars before. Each step weighs these relations
  alike for all pitches, so that a bass on the root, a chord of what is heard and a repeated bar are learned at once;
- the instruction (role, style, and low or high of each attribute) is left out in a part of the training, so that it
  can be exaggerated: logits = without + guidance * (with - without) (Ho & Salimans 2022, arXiv:2207.12598).

`Fill` holds the weights; nothing is remembered between two songs.
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

from decision import roll, saved
from decision.roll import ATTRIBUTES, CONTEXT_WIDTH, HOLD, LOWEST, MONOPHONIC, OFF, ONSET, PITCHES, ROLES, ROWS

FILES = ("fill.json", "fill.safetensors")
MASK = 3  # a cell or a rhythm that is not known yet; of a rhythm, 0 and 1 are known
STATE_WIDTH = 3 * ROWS + 2
BEATS = 9  # beats in a bar that are told apart, and places among them
RELATIONS = 7  # relations of a cell to what is known
AROUND = 8  # steps either way that are around a step
PASSES = 8  # half for the rhythm, half for the cells
GIVEN, AHEAD = 48, 16  # steps of a window that are written already, and that are written and thrown away
REMEDY = "train one with: antiphon train fill SCORES -o DIR"

Parts = list[tuple[str, np.ndarray]]  # (role, notes) of each part that is heard


class FillError(ValueError):
    """A fill model that cannot be loaded, or an instruction that it does not know; the message has the remedy."""


@dataclass(frozen=True)
class FillConfig:
    """Sizes of a fill model. window: steps that it sees at once; styles: names that an instruction may have.

    bounds: {role: {attribute: (low, high)}}, the terciles of the training parts: below is low, above is high.
    """

    dim: int = 128
    layers: int = 3
    heads: int = 4
    window: int = 128
    styles: tuple[str, ...] = ()
    bounds: Mapping[str, Mapping[str, tuple[float, float]]] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "styles", tuple(self.styles))
        if min(self.dim, self.layers, self.heads) < 1 or self.dim % (2 * self.heads):
            raise FillError(f"dim = {self.dim}, heads = {self.heads}: expected a multiple of 2 * heads")
        if self.window <= GIVEN + AHEAD:
            raise FillError(f"window = {self.window} steps: expected more than {GIVEN + AHEAD}")


@dataclass(frozen=True)
class Instruction:
    """What is asked for. style: one of the model's, or ""; asked: {attribute: -1 low or 1 high}."""

    role: str
    style: str = ""
    asked: Mapping[str, int] | None = None


class Layer(nn.Module):
    """One pre-norm layer: attention among the steps, with rotary positions, and feed-forward."""

    def __init__(self, dim: int, heads: int, depth: int):
        super().__init__()
        self.heads = heads
        self.norm, self.norm_ff = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.ff_in, self.ff_out = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)
        for added in (self.out, self.ff_out):  # to the residual stream: small, or depth would make it grow
            nn.init.normal_(added.weight, std=0.02 / (2 * depth) ** 0.5)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """(batch, steps, dim) -> the same; cos, sin: (steps, head dim)."""
        batch, steps, dim = x.shape
        split = self.qkv(self.norm(x)).view(batch, steps, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        query, key = (each * cos + _turned(each) * sin for each in split[:2])
        mixed = F.scaled_dot_product_attention(query, key, split[2])
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, steps, dim))
        added: Tensor = self.ff_out(F.gelu(self.ff_in(self.norm_ff(x))))
        return x + added


def _turned(x: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    return torch.cat([-x[..., half:], x[..., :half]], -1)


class Fill(nn.Module):
    """Writes a part. Training: `forward`. Use: `write`."""

    classes: Tensor  # (PITCHES, 12), the pitch class of each row

    def __init__(self, config: FillConfig):
        super().__init__()
        self.config = config
        self.card: dict[str, Any] = {}  # how it was made: steps, data, scores
        dim = config.dim
        self.heard, self.state = nn.Linear(CONTEXT_WIDTH, dim), nn.Linear(STATE_WIDTH, dim)
        self.echo = nn.Linear(4, dim)  # the rhythm one and two bars before
        self.relate = nn.Linear(dim, 3 * RELATIONS)
        octaves = (torch.arange(PITCHES)[:, None] + LOWEST) % 12 == torch.arange(12)
        self.register_buffer("classes", octaves.float(), persistent=False)  # (PITCHES, 12)
        self.place, self.beat, self.bar = nn.Embedding(12, dim), nn.Embedding(BEATS, dim), nn.Embedding(BEATS, dim)
        self.role, self.style = nn.Embedding(len(ROLES), dim), nn.Embedding(len(config.styles) + 1, dim)
        self.asked = nn.Embedding(3 * len(ATTRIBUTES), dim)
        for embedding in (self.place, self.beat, self.bar, self.role, self.style, self.asked):
            nn.init.normal_(embedding.weight, std=0.1)
        self.layers = nn.ModuleList(Layer(dim, config.heads, config.layers) for _ in range(config.layers))
        self.norm = nn.LayerNorm(dim)
        self.rhythm, self.cells, self.loud = nn.Linear(dim, 1), nn.Linear(dim, 3 * ROWS), nn.Linear(dim, ROWS)
        for head in (self.rhythm, self.cells, self.loud, self.relate):
            nn.init.normal_(head.weight, std=0.02)
            nn.init.zeros_(head.bias)
        with torch.no_grad():
            self.cells.bias.view(ROWS, 3)[:, OFF] = 4.0  # nearly all cells are off
            self.loud.bias.fill_(0.65)

    def forward(self, context: Tensor, state: Tensor, metre: Tensor, words: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits of the rhythm (B, T), of the cells (B, T, ROWS, 3), and velocities (B, T, ROWS) in 127ths.

        context: (B, T, CONTEXT_WIDTH) of `roll.context_of`; state: (B, T, STATE_WIDTH) of `state_of`; metre:
        (B, T, 4) int64 of `metre_index`; words: (B, 2 + attributes) int64 of `words_of`.
        """
        asked = words[:, 2:] + 3 * torch.arange(len(ATTRIBUTES), device=words.device)
        told = self.role(words[:, 0]) + self.style(words[:, 1]) + self.asked(asked).sum(1)
        before = metre[..., 3]
        echo = _back(state[..., -2:], before)
        x = self.heard(context) + self.state(state) + told[:, None]
        x = x + self.echo(torch.cat([echo, _back(echo, before)], -1))
        x = x + self.place(metre[..., 0]) + self.beat(metre[..., 1]) + self.bar(metre[..., 2])
        cos, sin = self._rotary(x.shape[1], x.device)
        for layer in self.layers:
            x = layer(x, cos, sin)
        x = self.norm(x)
        cells = self.cells(x).view(*x.shape[:2], ROWS, 3)
        weights = self.relate(x).view(*x.shape[:2], RELATIONS, 3)
        return self.rhythm(x)[..., 0], cells + self._relations(context, state, before) @ weights, self.loud(x)

    def _relations(self, context: Tensor, state: Tensor, before: Tensor) -> Tensor:
        """(B, T, ROWS, RELATIONS) of each row to what is known, 0 to 1; of drums those to the drums before alone."""
        sounding = context[..., : 6 * PITCHES].view(*context.shape[:2], 6, PITCHES).amax(2)
        lowest = sounding * (sounding.cumsum(-1) == 1)
        chroma = context[..., -12:]
        around = F.avg_pool1d(chroma.transpose(1, 2), 2 * AROUND + 1, 1, AROUND, count_include_pad=False).transpose(
            1, 2
        )
        classes = torch.stack([chroma, around, (lowest @ self.classes).clamp(max=1)], -1)
        heard = torch.cat([torch.einsum("btcf,pc->btpf", classes, self.classes), sounding[..., None]], -1)
        own = state[..., :ROWS]  # onsets
        held = F.pad((own + state[..., ROWS : 2 * ROWS])[:, :-1], (0, 0, 1, 0))
        bar = _back(own, before)
        known = torch.stack([held, bar, _back(bar, before)], -1)
        return torch.cat([F.pad(heard, (0, 0, 0, ROWS - PITCHES)), known], -1)

    def _rotary(self, steps: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Factors of the positions: from 1 radian a step down to 1 in four windows."""
        half = self.config.dim // self.config.heads // 2
        frequencies = (4.0 * self.config.window) ** -torch.linspace(0, 1, half, device=device)
        angles = torch.arange(steps, device=device)[:, None] * frequencies
        return angles.cos().repeat(1, 2), angles.sin().repeat(1, 2)

    def words_of(self, instruction: Instruction) -> np.ndarray:
        """(2 + attributes,) int64: role, style from 1 on, and for each attribute 0 unsaid, 1 low, 2 high."""
        if instruction.role not in ROLES:
            raise FillError(f"part '{instruction.role}': expected one of {', '.join(ROLES)}")
        if instruction.style and instruction.style not in self.config.styles:
            raise FillError(f"style '{instruction.style}': this model knows {', '.join(self.config.styles) or 'none'}")
        style = self.config.styles.index(instruction.style) + 1 if instruction.style else 0
        asked = instruction.asked or {}
        levels = [{0: 0, -1: 1, 1: 2}[asked.get(attribute, 0)] for attribute in ATTRIBUTES]
        return np.array([ROLES.index(instruction.role), style, *levels], np.int64)

    # Writing

    def write(
        self,
        parts: Parts,
        metre: np.ndarray,
        instruction: Instruction,
        *,
        seed: int = 0,
        given: np.ndarray | None = None,
        begin: int | None = None,
        guidance: float = 2.0,
        temperature: float = 0.4,
        passes: int = PASSES,
        progress: Callable[[float], None] | None = None,
    ) -> np.ndarray:
        """(n, 4) int notes of the part asked for, over all steps of `metre` (steps, 3), beside the parts heard.

        given: the part's own notes at the beginning, kept as they are; up to the end of the last of them nothing is
        added. begin: instead of there, the step from which it is written; given notes that end there may be held on.
        guidance: weight of the instruction, 1 as trained. temperature: below 1 likelier notes, but not fewer.
        passes: of the network for each window, 2 or more. progress: called with the share that is done. The same seed
        gives the same notes.
        """
        rng, total, window = np.random.default_rng(seed), len(metre), self.config.window
        drums = instruction.role == "drums"
        notes = np.zeros((0, 4), int) if given is None or not len(given) else np.asarray(given, int)
        known = min(total, int(notes[:, 1].max())) if len(notes) else 0
        fixed = len(notes)
        if begin is not None:
            known, fixed = begin, 0
        while known < total:
            first = max(0, known - GIVEN)
            steps = min(window, total - first)
            until = total if first + steps == total else first + steps - AHEAD
            heard = roll.window_parts(parts, first, steps)
            shift = roll.key_shift(roll.chroma_of(heard))
            context = roll.context_of(heard, first, steps, shift)
            state = State.given(roll.roll_of(notes, first, steps, drums, shift), known - first, drums)
            self._unmask(state, context, metre[first : first + steps], instruction, rng, guidance, temperature, passes)
            written = roll.notes_of(state.cells, state.velocity, shift, first)
            notes = _joined(notes, written, known, until, fixed)
            known = until
            if progress:
                progress(known / total)
        return notes[np.lexsort((notes[:, 2], notes[:, 0]))]

    @torch.inference_mode()
    def _unmask(
        self,
        state: State,
        context: np.ndarray,
        metre: np.ndarray,
        instruction: Instruction,
        rng: np.random.Generator,
        guidance: float,
        temperature: float,
        passes: int,
    ) -> None:
        """Draw all that is masked in `state`, in `passes` passes."""
        words = self.words_of(instruction)
        both = np.stack([words, np.array([words[0], *([0] * (len(words) - 1))])])
        told = torch.from_numpy(both if guidance != 1 and (both[0] != both[1]).any() else both[:1])
        sound = torch.from_numpy(context).float().expand(len(told), -1, -1)
        bars = torch.from_numpy(metre_index(metre)).expand(len(told), -1, -1)
        for number in range(passes):
            planes = torch.from_numpy(state_of(state.rhythm, state.cells)).expand(len(told), -1, -1)
            rhythm, cells, loud = (
                _guided(each.float(), guidance).numpy().astype(np.float64) for each in self(sound, planes, bars, told)
            )
            if number < passes // 2:
                state.draw_rhythm(rhythm, 1 / (passes // 2 - number), rng, temperature)
            elif instruction.role in MONOPHONIC:
                state.draw_line(cells, 1 / (passes - number), rng, temperature)
            else:
                state.draw_cells(cells, 1 / (passes - number), rng, instruction.role == "drums", temperature)
            state.velocity[state.new] = np.clip(np.round(127 * loud), 1, 127)[state.new]

    # Saving

    def files(self, card: Mapping[str, Any] | None = None, dtype: torch.dtype = torch.float16) -> dict[str, bytes]:
        """{name: content} of fill.safetensors (`dtype`, half the size by default) and fill.json.

        `card` (or the model's own): steps, data and scores of its training, as JSON values.
        """
        return saved.to_files("fill", self, self.config, self.card if card is None else card, dtype)

    @classmethod
    def load(cls, folder: Path | str) -> Fill:
        """The model saved in `folder`, in float32 and ready to write. FillError when it is absent or damaged."""
        model, card = saved.load(Path(folder), "fill", lambda sizes: cls(FillConfig(**sizes)), REMEDY, FillError)
        model.card = card
        return model


@dataclass
class State:
    """A window while it is written. rhythm: (T,) uint8 of 0, 1 and MASK; cells: (T, ROWS) uint8 with MASK.

    velocity: (T, ROWS) int of the onsets; new: (T, ROWS) bool, the cells drawn in this pass.
    """

    rhythm: np.ndarray
    cells: np.ndarray
    velocity: np.ndarray
    new: np.ndarray

    @classmethod
    def given(cls, cells: np.ndarray, known: int, drums: bool) -> State:
        """The first `known` steps of a roll are given; later ones are masked, in the rows that drums or others have."""
        cells, rhythm = cells.copy(), (cells == ONSET).any(1).astype(np.uint8)
        cells[known:, rows_of(drums)], rhythm[known:] = MASK, MASK
        return cls(rhythm, cells, np.zeros(cells.shape, int), np.zeros(cells.shape, bool))

    def draw_rhythm(self, logits: np.ndarray, share: float, rng: np.random.Generator, temperature: float = 1.0) -> None:
        """Draw onsets, logits (T,), where they are surest: `share` of the entropy that is left."""
        masked = np.flatnonzero(self.rhythm == MASK)
        begins = sharpened(1 / (1 + np.exp(-logits[masked])), temperature)
        drawn = rng.random(len(masked)) < begins
        surest = _surest(_entropy(np.stack([begins, 1 - begins], 1)), share, rng)
        self.rhythm[masked[surest]] = drawn[surest]

    def draw_cells(
        self, logits: np.ndarray, share: float, rng: np.random.Generator, drums: bool, temperature: float = 1.0
    ) -> None:
        """Draw cells, logits (T, ROWS, 3), as the rhythm allows; at last every step that begins something does."""
        allowed = np.ones(logits.shape, bool)
        allowed[self.rhythm == 0, :, ONSET] = False
        allowed[..., HOLD] = not drums
        chances = _softmax(np.where(allowed, logits, -np.inf))
        rows, begin = rows_of(drums), chances[..., ONSET].copy()
        begin[:, rows] = sharpened(begin[:, rows], temperature)
        chances *= ((1 - begin) / np.maximum(1 - chances[..., ONSET], 1e-9))[..., None]
        chances[..., ONSET] = begin
        step, row = np.nonzero(self.cells == MASK)
        before = self.cells.copy()
        of = chances[step, row]
        drawn = (rng.random((len(of), 1)) > np.cumsum(of, 1)[:, :2]).sum(1)
        surest = _surest(_entropy(of), share, rng)
        self.cells[step[surest], row[surest]] = drawn[surest]
        if share == 1:
            for t in np.flatnonzero((self.rhythm == 1) & ~(self.cells == ONSET).any(1) & (before == MASK).any(1)):
                self.cells[t, int(np.argmax(np.where(before[t] == MASK, chances[t, :, ONSET], -1)))] = ONSET
        self.new = (before == MASK) & (self.cells != MASK)

    def draw_line(self, logits: np.ndarray, share: float, rng: np.random.Generator, temperature: float = 1.0) -> None:
        """Draw whole steps of a line, logits (T, ROWS, 3): one pitch where something begins, else rest or hold."""
        masked = np.flatnonzero((self.cells == MASK).any(1))
        odds = np.exp(
            np.clip((logits[masked, :PITCHES] - logits[masked, :PITCHES, OFF : OFF + 1]) / temperature, -30, 30)
        )
        begins = (self.rhythm[masked] == 1)[:, None]
        choices = np.concatenate(
            [~begins, np.where(begins, odds[..., ONSET], 0), np.where(begins, 0, odds[..., HOLD])], 1
        )
        choices = choices / choices.sum(1, keepdims=True)
        drawn = (rng.random((len(masked), 1)) > np.cumsum(choices, 1)[:, :-1]).sum(1)
        surest = _surest(_entropy(choices), share, rng)
        self.new = np.zeros(self.cells.shape, bool)
        for step, choice in zip(masked[surest].tolist(), drawn[surest].tolist(), strict=True):
            self.cells[step], self.new[step] = OFF, True
            if choice:
                self.cells[step, (choice - 1) % PITCHES] = ONSET if choice <= PITCHES else HOLD
        if share == 1:
            self._hold_what_sounds()

    def _hold_what_sounds(self) -> None:
        """A hold goes on with the pitch before it, whatever pitch was drawn for it; after a rest it is a rest."""
        row = -1
        for cells in self.cells:
            held, begun = (cells == HOLD).any(), np.flatnonzero(cells == ONSET)
            row = int(begun[-1]) if len(begun) else row if held else -1
            if held and not len(begun):
                cells[cells == HOLD] = OFF
                if row >= 0:
                    cells[row] = HOLD


def rows_of(drums: bool) -> slice:
    """The rows that a part uses."""
    return slice(PITCHES, ROWS) if drums else slice(0, PITCHES)


def sharpened(chances: np.ndarray, temperature: float) -> np.ndarray:
    """(..., n) chances, as at a temperature, but as many expected in each row of n: c * odds ** (1 / temperature)."""
    if temperature == 1:
        return chances
    wanted = chances.sum(-1, keepdims=True)
    odds = np.log(np.clip(chances, 1e-12, 1 - 1e-12) / np.clip(1 - chances, 1e-12, 1)) / temperature
    low, high = np.full(wanted.shape, -80.0), np.full(wanted.shape, 80.0)
    for _ in range(30):  # bisection for log c
        middle = (low + high) / 2
        above = (1 / (1 + np.exp(-np.clip(odds + middle, -60, 60)))).sum(-1, keepdims=True) > wanted
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.asarray(np.where(chances > 0, 1 / (1 + np.exp(-np.clip(odds + low, -60, 60))), 0.0))


def state_of(rhythm: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """(..., STATE_WIDTH) float32 of rhythm (...,) and cells (..., ROWS): what is known, and what is not."""
    planes = [cells == ONSET, cells == HOLD, cells == MASK, (rhythm == 1)[..., None], (rhythm == MASK)[..., None]]
    return np.concatenate(planes, -1).astype(np.float32)


def metre_index(metre: np.ndarray) -> np.ndarray:
    """(steps, 4) int64: the metre (steps, 3) as the model numbers it, and the same place in the bar before, or -1.

    More than eight beats in a bar are not told apart.
    """
    seen: dict[int, int] = {}
    before = []
    for step, place in enumerate((12 * metre[:, 1] + metre[:, 0]).tolist()):
        before.append(seen.get(place, -1))
        seen[place] = step
    beats = np.minimum(metre[:, 1:], BEATS - 1)
    return np.column_stack([metre[:, 0], beats, before]).astype(np.int64)


def _back(x: Tensor, before: Tensor) -> Tensor:
    """(B, T, n) at the steps `before` (B, T), 0 where there is none."""
    taken = x.gather(1, before.clamp(min=0)[..., None].expand_as(x))
    return taken * (before >= 0)[..., None]


def _guided(both: Tensor, guidance: float) -> Tensor:
    """With and without instruction (2, ...), or with it alone (1, ...) -> (...)."""
    return both[0] if len(both) == 1 else both[1] + guidance * (both[0] - both[1])


def _joined(notes: np.ndarray, written: np.ndarray, known: int, until: int, fixed: int) -> np.ndarray:
    """Notes that begin before `known`, and those written from there to `until`, cut there.

    A note that a window cut is held on by the next; the first `fixed` were given and stay as they are.
    """
    new = written[(written[:, 0] >= known) & (written[:, 0] < until)]
    held = written[(written[:, 0] < known) & (written[:, 1] > known)]  # a known note that is held on
    notes = notes.copy()
    for begin, end, pitch, _ in held.tolist():
        same = (notes[:, 0] == begin) & (notes[:, 2] == pitch) & (notes[:, 1] == known)
        same[:fixed] = False
        notes[same, 1] = min(end, until)
    new[:, 1] = np.minimum(new[:, 1], until)
    return np.concatenate([notes, new])


def _surest(entropy: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """(n,) bool: the symbols of lowest entropy (n,), with some chance, that hold `share` of the whole; all at 1."""
    if share >= 1:
        return np.ones(len(entropy), bool)
    order = np.argsort(entropy * rng.uniform(0.5, 1.5, len(entropy)), kind="stable")
    chosen = np.zeros(len(entropy), bool)
    chosen[order[np.cumsum(entropy[order]) <= share * entropy.sum()]] = True
    return chosen


def _entropy(chances: np.ndarray) -> np.ndarray:
    """Entropy in nats of (n, choices) probabilities."""
    return np.asarray(-(chances * np.log(np.maximum(chances, 1e-12))).sum(1))


def _softmax(logits: np.ndarray) -> np.ndarray:
    chances = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(chances / chances.sum(-1, keepdims=True))
