"""A part of a training step as one compiled program: its operations are traced once, fused, and run without Python.

The traced code is the algorithm's own, so there is no second copy of a loss. What a program computes differs from the
plain code in roundings: sums and fused products in another order. On a GPU its kernels are then captured in one CUDA
graph, which starts them all at once.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from qdot.algorithms.optimiser import Learner, Packed
from qdot.errors import QdotError

Compiler = Callable[[torch.fx.GraphModule, list[Tensor]], Callable[..., Sequence[Tensor]]]


class State:
    """All tensors that the steps of a module read and change: packed weights, moments, other weights, buffers."""

    def __init__(self, owner: nn.Module) -> None:
        """Find them; optimisers are made and slow copies packed."""
        learners = [module for module in owner.modules() if isinstance(module, Learner)]
        self._adams = _unique(adam for learner in learners for adam in learner.optimisers.values())
        self._slow: list[Packed] = _unique(packed for learner in learners for packed in learner.slow.values())
        packs = [*self._slow, *(adam.weights for adam in self._adams)]
        packed = {id(parameter) for pack in packs for parameter in pack.parameters}
        registries: list[dict[str, Any]] = []
        for module in owner.modules():
            registries += [module._parameters, module._buffers]
        self._others = [
            (registry, name)
            for registry in registries
            for name, tensor in registry.items()
            if tensor is not None and id(tensor) not in packed
        ]

    def tensors(self) -> list[Tensor]:
        """All of them, in a fixed order."""
        stepped = [tensor for adam in self._adams for tensor in (adam.weights.flat, *adam.moments.values())]
        slow = [packed.flat for packed in self._slow]
        return stepped + slow + [registry[name].detach() for registry, name in self._others]

    @contextmanager
    def holding(self, tensors: Sequence[Tensor]) -> Iterator[None]:
        """Let others of the same order and shapes stand in for them."""
        given = iter(tensors)
        own = [registry[name] for registry, name in self._others]
        with ExitStack() as stack:
            for adam in self._adams:
                flat = next(given)
                stack.enter_context(adam.holding(flat, {name: next(given) for name in adam.moments}))
            for packed in self._slow:
                stack.enter_context(packed.holding(next(given)))
            try:
                for registry, name in self._others:
                    registry[name] = next(given)
                yield
            finally:
                for (registry, name), tensor in zip(self._others, own, strict=True):
                    registry[name] = tensor


class Program:
    """`part(*inputs)` of a module, compiled for the shapes of its first inputs.

    Attributes:
        seconds: What tracing and compiling took.
    """

    def __init__(
        self, part: Callable[..., Any], owner: nn.Module, inputs: tuple[Any, ...], compiler: Compiler | None = None
    ) -> None:
        """Trace and compile; nothing is stepped.

        Args:
            part: A bound method that changes tensors of `owner` in place, and no other.
            owner: The module.
            inputs: Tensors, numbers, or tuples of them, as each call will give them.
            compiler: From traced operations and examples of their inputs to a function; None: torch's inductor.

        Raises:
            QdotError: the part cannot be compiled: it branches on a tensor, reads one that is neither an input nor the
                owner's, or a compiler failed.
        """
        start = time.perf_counter()
        try:
            self._build(part, owner, inputs, compiler)
        except Exception as error:
            text = f"{part.__qualname__} cannot be compiled ({error}); `train.compile_from: null` trains without"
            raise QdotError(text) from error
        self.seconds = time.perf_counter() - start

    def _build(
        self, part: Callable[..., Any], owner: nn.Module, inputs: tuple[Any, ...], compiler: Compiler | None
    ) -> None:
        state = State(owner)
        leaves, spec = _leaves(inputs)
        self._held = held = state.tensors()  # they stay where they are: whatever changes them does so in place
        graph, self._form = _trace(part, state, len(held), spec, [*held, *leaves])
        with torch.no_grad():
            self._run = (compiler or torch._inductor.compile)(graph, [*held, *leaves])
            if held[0].is_cuda:
                torch.cuda.synchronize()  # nothing on another stream may be changing what is kept and put back
                self._run = Captured(self._run, held, leaves, _cuda_graph)

    def __call__(self, *inputs: Any) -> Any:
        """Run it. On a GPU the results are those tensors that the next call overwrites."""
        with torch.no_grad():
            if isinstance(self._run, Captured):
                found = self._run(*tree_flatten(inputs)[0])
            else:
                found = self._run(*self._held, *_leaves(inputs)[0])
        return tree_unflatten(list(found), self._form)


class Captured:
    """A function of tensors, run again and again on the same memory.

    Inputs that lie where the first ones did, as a minibatch or another program's results do, are read there; others
    are copied in. Results stay where they are, so each call overwrites those of the one before. Nothing makes the host
    wait for the device.
    """

    def __init__(
        self,
        run: Callable[..., Sequence[Tensor]],
        held: Sequence[Tensor],
        inputs: Sequence[Tensor],
        capture: Callable[[Callable[[], Sequence[Tensor]]], tuple[Callable[[], None], Sequence[Tensor]]],
    ) -> None:
        """Run it until it has its memory, put the state back, and capture it.

        Args:
            run: Takes the state, which it changes in place, and the inputs.
            held: The state; its tensors stay where they are.
            inputs: The first ones, whose memory it keeps.
            capture: From a function to one that replays it, and the tensors that hold the result of each replay.
        """
        self._inputs = list(inputs)
        before = [tensor.clone() for tensor in held]
        self._replay, self._results = capture(lambda: run(*held, *self._inputs))
        for tensor, value in zip(held, before, strict=True):
            tensor.copy_(value)

    def __call__(self, *inputs: Tensor | float) -> Sequence[Tensor]:
        """Replay it on inputs, tensors or numbers."""
        for own, given in zip(self._inputs, inputs, strict=True):
            if not isinstance(given, Tensor):
                own.fill_(given)
            elif given.data_ptr() != own.data_ptr():
                own.copy_(given)
        self._replay()
        return self._results


def _cuda_graph(run: Callable[[], Sequence[Tensor]]) -> tuple[Callable[[], None], Sequence[Tensor]]:
    """A CUDA graph of a function, after three runs on a stream beside (torch.cuda.graph's own advice)."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):  # its own, and so its own work space of cuBLAS: graphs may overlap
        results = run()
    return graph.replay, results


def _trace(
    part: Callable[..., Any], state: State, count: int, spec: TreeSpec, examples: list[Tensor]
) -> tuple[torch.fx.GraphModule, TreeSpec]:
    """The operations of a part on `count` tensors of the state and then its inputs, and the form of its result."""
    forms: list[TreeSpec] = []

    def flat_part(*tensors: Tensor) -> list[Any]:
        with state.holding(tensors[:count]):
            leaves, form = tree_flatten(part(*tree_unflatten(list(tensors[count:]), spec)))
        forms.append(form)
        return leaves

    graph = make_fx(flat_part)(*(example.clone() for example in examples))  # it steps what it is given
    constants = [node.target for node in graph.graph.nodes if node.op == "get_attr"]
    if constants:
        raise QdotError("it reads tensors that are no weight, buffer or input")
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph, forms[-1]


def is_long(train: Mapping[str, Any]) -> bool:
    """Whether a run of these values of section `train` is long enough to be worth a compiler's time."""
    return train["compile_from"] is not None and bool(train["steps"] >= train["compile_from"])


def why_not(device: str) -> str | None:
    """Why programs cannot be compiled for a device on this machine; None where they can."""
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler
    from torch.utils._triton import has_triton

    if device.startswith("cuda") and not has_triton():
        return "there is no Triton for this GPU"
    try:
        get_cpp_compiler()
    except InvalidCxxCompiler:
        return "there is no C++ compiler"
    return None


def _leaves(inputs: tuple[Any, ...]) -> tuple[list[Tensor], TreeSpec]:
    """The tensors of the inputs; numbers become such, on the device of the first, so that a program reads them anew."""
    leaves, spec = tree_flatten(inputs)
    return [torch.as_tensor(leaf, device=leaves[0].device) for leaf in leaves], spec


def _unique(things: Iterator[Any]) -> list[Any]:
    return list({id(thing): thing for thing in things}.values())
