"""The search itself: phases of alternating weight and architecture steps on one supernet.

A step is one batch for the weights, with one network drawn from the current distribution; after every few of them one
batch for the logits of the distribution, with the weights held. Every draw depends on the seed, the phase and the
number of the step, so that a search can stop after any step and go on.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from neuroguide._core.errors import InputError, OptionError
from neuroguide._core.seeds import derive_seed
from neuroguide.nas.data import TrainingData
from neuroguide.nas.fidelity import Fidelity
from neuroguide.nas.guides import PreparedGuide
from neuroguide.nas.hournas.budget import Budget, best_within, check_reachable
from neuroguide.nas.hournas.guidance import teacher_loss
from neuroguide.nas.hournas.phases import HeldImages, apart, phases, weights_held
from neuroguide.nas.hournas.proposal import Proposals, propose, sample, uniform_logits
from neuroguide.nas.hournas.settings import HourNASSettings
from neuroguide.nas.hournas.supernet import Path, initial_supernet, relaxed_path
from neuroguide.nas.hournas.table import CostTable
from neuroguide.nas.spaces.hourglass import HourglassSpace
from neuroguide.nas.trainer import Preparation, Trainer, deterministic

#: How many pictures of the distribution are kept of each phase, about.
SNAPSHOTS = 50


class HourNAS:
    """A search that stands after some step.

    Parameters
    ----------
    space : HourglassSpace
    data : TrainingData
    guide : PreparedGuide
        What the architecture loss is made of; see :func:`neuroguide.nas.hournas.guidance.teacher_loss`.
    table : CostTable
    budgets : tuple of Budget
        May be empty.
    settings : HourNASSettings
    seed : int
    device : torch.device

    Attributes
    ----------
    logits : float64 tensor of shape (n_blocks, n_operations)
        What was learned: the higher, the better an operation.
    phase : int
        Number of the phase, as many as there are when the search is over.
    steps, architecture_steps : int
        Steps made in this phase: for the weights, and for the logits.
    decided : dict of int to int
        Operations of blocks that are decided.
    proposals : Proposals or None
    history : list of dict
        One record for each architecture step: ``phase``, ``images`` shown until then, ``loss`` and ``TG``.
    snapshots : list of tuples
        Number of the phase, images shown until then, and :attr:`probabilities` as float32; some fifty for each phase.
    images_spent : float
        Image-equivalents of what was shown.
    trainer : Trainer
        Of the weights, in this phase.
    optimiser : torch.optim.Adam
        Of the logits, in this phase.
    weights_seen : int
        Images of this phase whose cost is counted already.

    Raises
    ------
    OptionError
        If no network keeps to the budgets, the guide has no gradient, or there are too few images for a phase.
    """

    def __init__(
        self,
        space: HourglassSpace,
        data: TrainingData,
        guide: PreparedGuide,
        table: CostTable,
        budgets: tuple[Budget, ...],
        settings: HourNASSettings,
        *,
        seed: int,
        device: torch.device,
    ) -> None:
        self.space, self.settings, self.seed, self.device = space, settings, seed, device
        self.table, self.budgets = table, budgets
        check_reachable(table, budgets)
        self.phases = phases(space, settings)
        self.accuracy_weight, self.teacher_weight, self._teacher = teacher_loss(
            guide, n_stimuli=settings.guidance_stimuli, seed=seed
        )
        self._data, held = apart(data.to(device), settings.architecture_share)
        self._held = HeldImages(held, settings.batch_size, seed)
        self.supernet = initial_supernet(space, n_classes=data.n_classes, seed=seed)
        self.logits = torch.zeros(table.allowed.shape, dtype=torch.float64, requires_grad=True)
        self.phase = 0
        self.decided: dict[int, int] = {}
        self.proposals: Proposals | None = None
        self.history: list[dict[str, Any]] = []
        self.snapshots: list[tuple[int, int, Tensor]] = []
        self.images_spent = 0.0
        self.steps = self.architecture_steps = self.weights_seen = 0
        self._enter()

    # -- where it stands ---------------------------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether all phases are over."""
        return self.phase == len(self.phases)

    @property
    def images_seen(self) -> int:
        """Images shown until now, in weight and architecture steps."""
        before = sum(phase.images for phase in self.phases[: self.phase])
        return (
            before
            if self.finished
            else before + self.trainer.images_seen + self.architecture_steps * self.settings.batch_size
        )

    @property
    def probabilities(self) -> Tensor:
        """Probability of every operation of every block, decided ones included; (n_blocks, n_operations)."""
        return torch.where(self._open, self.logits.detach(), -torch.inf).softmax(-1)

    @property
    def _open(self) -> Tensor:
        """The operations that may still be chosen."""
        return self.table.with_fixed(self.decided).allowed

    # -- steps -------------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Make one weight step, the architecture step that may follow, and the change of phase that may follow."""
        s = self.settings
        self.supernet.path = self._draw(self.steps)
        self.trainer.run(until=self.trainer.images_seen + 1)
        self.images_spent += self.trainer.images_seen - self.weights_seen
        self.weights_seen = self.trainer.images_seen
        self.steps += 1
        if self.trainer.diverged:
            raise InputError(f"the supernet diverged: {self.trainer.diverged}; search with a lower learning_rate")
        waited = self.steps - round(s.warmup * self._weight_steps)
        last = self.trainer.images_seen >= self.trainer.fidelity.images
        due = self._architecture_total if last else max(0, waited) // s.weight_steps
        while self.architecture_steps < min(due, self._architecture_total):
            self._architecture_step()
        if last:
            self._leave()

    def _architecture_step(self) -> None:
        s, phase = self.settings, self.phases[self.phase]
        number = self.architecture_steps
        seed = derive_seed(self.seed, phase.name, "architecture", number)
        generator = torch.Generator().manual_seed(derive_seed(seed, "path"))
        share = number / max(1, self._architecture_total - 1)
        temperature = s.temperature[0] ** (1 - share) * s.temperature[1] ** share
        logits, allowed = self._relaxed(generator)
        self.supernet.path = relaxed_path(logits, allowed, paths=s.paths, temperature=temperature, generator=generator)
        weight = s.guidance[min(self.phase, 1) if len(self.phases) > 1 else 1] * self.teacher_weight
        loss = torch.zeros((), dtype=torch.float64, device=self.device)
        record: dict[str, Any] = {"phase": phase.name}
        with weights_held(self.supernet), deterministic():
            if self.accuracy_weight:
                images, labels = self._held.batch(self.phase, number)
                entropy = functional.cross_entropy(self.supernet(self._prepare(images)), labels)
                loss = loss + self.accuracy_weight * entropy
                record["loss"] = float(entropy.detach())
                # other operations are passed forward only
                self.images_spent += len(labels) * (1 + (s.paths - 1) / 3)
            if self._teacher is not None and weight:
                guidance = self._teacher(lambda x: self.supernet.with_stages(x)[1], number, self.device)
                loss = loss - weight * guidance
                record["TG"] = float(guidance.detach())
                self.images_spent += self._teacher.images_forwarded * (1 + (s.paths - 1) / 3)
            if self.proposals is None and self.budgets and phase.name != "vital":
                loss = loss + s.penalty * self._excess()
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.architecture_steps += 1
        self.history.append({**record, "images": self.images_seen})
        if self.architecture_steps % max(1, self._architecture_total // SNAPSHOTS) == 0:
            self._snapshot()
        if self.proposals is not None and self.architecture_steps % s.proposal_every == 0:
            self._propose()

    def _relaxed(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Logits that are drawn from, with the gradient of what is learned, and the operations among which."""
        free = self._free_mask()
        if self.proposals is None:
            return self.logits, free
        k = int(torch.randint(len(self.proposals.logits), (1,), generator=generator))
        # the proposal's distribution in value, what is learned in gradient
        return self.proposals.logits[k] + (self.logits - self.logits.detach()), free

    def _free_mask(self) -> Tensor:
        """What runs in this phase: choices of the blocks that are searched, decided ones, identities elsewhere."""
        phase = self.phases[self.phase]
        mask = self._open.clone()
        for b in range(len(mask)):
            if b not in phase.free and b not in self.decided:
                mask[b] = False
                mask[b, -1] = True
        return mask

    def _draw(self, step: int) -> Path:
        phase = self.phases[self.phase]
        generator = torch.Generator().manual_seed(derive_seed(self.seed, phase.name, "path", step))
        mask = self._free_mask()
        if self.proposals is None:
            logits = self.logits.detach()
        else:
            k = int(torch.randint(len(self.proposals.logits), (1,), generator=generator))
            logits = self.proposals.logits[k]
        chosen = sample(torch.where(mask, logits, -torch.inf), generator)
        return Path(tuple((i,) for i in chosen.tolist()))

    def _excess(self) -> Tensor:
        """Squared relative distance of the expected cost from every budget, summed."""
        p = torch.where(self._open, self.logits, -torch.inf).softmax(-1)
        mean, _ = self.table.moments(p)
        columns = [self.table.column(budget.quantity) for budget in self.budgets]
        targets = torch.tensor([budget.target for budget in self.budgets], dtype=torch.float64)
        return ((mean[columns] / targets - 1) ** 2).sum()

    # -- phases ------------------------------------------------------------------------------------------------------

    def _enter(self) -> None:
        """Begin the current phase."""
        self.prepare_phase()
        self.proposals = None
        if self.settings.proposals is not None and self.budgets and self.phases[self.phase].name != "vital":
            self._propose()
        self._snapshot()

    def prepare_phase(self) -> None:
        """Make the current phase's own schedule of learning rates, and fresh optimisers."""
        phase, s = self.phases[self.phase], self.settings
        # weight and architecture batches are of one size, and together as many images as the phase has
        batches = phase.images // s.batch_size
        self._architecture_total = int(batches * (1 - s.warmup) / (s.weight_steps + 1 - s.warmup))
        if self._architecture_total < 1:
            raise OptionError(
                f"{phase.images} images leave the phase {phase.name!r} no architecture step at batches of "
                f"{s.batch_size}; give more images, or a smaller batch_size"
            )
        for_weights = phase.images - self._architecture_total * s.batch_size
        self._weight_steps = math.ceil(for_weights / s.batch_size)
        fidelity = Fidelity(
            images=for_weights, batch_size=s.batch_size, learning_rate=s.learning_rate,
            warmup=0.1, weight_decay=s.weight_decay, clip=s.clip, augmentation=s.augmentation,
        )  # fmt: skip
        self._prepare = Preparation(self._data, fidelity, self.device)
        self.trainer = Trainer(
            self.supernet, self._data, fidelity, seed=derive_seed(self.seed, phase.name), device=self.device
        )
        # torch's fused SGD cannot take parameters of which only some have had a gradient before
        self.trainer.optimiser = torch.optim.SGD(
            [{name: group[name] for name in ("params", "weight_decay")} for group in
             self.trainer.optimiser.param_groups],
            lr=s.learning_rate, momentum=0.9, nesterov=True, foreach=False, fused=False,
        )  # fmt: skip
        self.optimiser = torch.optim.Adam(
            [self.logits], lr=s.architecture_rate, betas=(0.5, 0.999), weight_decay=s.architecture_decay
        )
        self.steps = self.architecture_steps = self.weights_seen = 0

    def _leave(self) -> None:
        """End the current phase: decide its blocks, so that the others can still bring the network to the budget."""
        phase = self.phases[self.phase]
        self._snapshot()
        scores = self.probabilities.clamp_min(1e-12).log()
        others = [b for b in range(len(scores)) if b not in phase.free]
        scores[others] = 0.0
        best = best_within(self.table.with_fixed(self.decided), self.budgets, scores)
        if best is None:
            raise InputError("no network keeps to the budgets any more; this should not happen: please report it")
        if self.phase + 1 < len(self.phases):
            self.decided |= {b: int(best[b]) for b in phase.free}
            self.phase += 1
            self._enter()
        else:
            self.phase += 1

    def _propose(self) -> None:
        s = self.settings
        assert s.proposals is not None
        self.proposals = propose(
            self.table.with_fixed(self.decided),
            self.budgets,
            s.proposals,
            prior=self.logits,
            seed=derive_seed(self.seed, "proposals", self.phase, self.architecture_steps),
        )

    def _snapshot(self) -> None:
        self.snapshots.append((self.phase, self.images_seen, self.probabilities.float()))


def final_distribution(search: HourNAS) -> Tensor:
    """Log-probabilities of operations once a search is over; decided ones have 0."""
    return torch.where(search._open, search.logits.detach(), uniform_logits(search.table)).log_softmax(-1)
