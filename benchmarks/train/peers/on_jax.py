"""JAX: the whole epoch is one jitted ``lax.scan`` over batches of a permutation.

Parameters and the optimizer's state are donated, so that XLA updates both in place. The order is
drawn by NumPy and handed over; batches are gathered inside the scan, a tenth faster than an epoch
gathered before. The last, smaller batch is a second jitted step. The optimizers are written out:
optax's Adam took 1 to 2 % longer. Dropout masks come from JAX's default threefry keys, a third
faster on this processor than "rbg". Nothing is read before the epoch's end. Rows are float32,
scaled before, and dense.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.train.data import Rows
from benchmarks.train.gate import Gate
from benchmarks.train.jobs import Job, Optimizer

ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid, "elu": jax.nn.elu}
EPSILON, RHO = 1e-7, 0.9


def build(job: Job) -> tuple[Any, Any]:
    """Parameters, a dictionary for each layer, and running statistics of normalized layers."""
    key = jax.random.key(0)
    glorot = jax.nn.initializers.glorot_uniform()
    parameters, running = [], []
    normalized = [bool(layer.normalized) for layer in job.hidden] + [False]
    for (inputs, units), norm in zip(job.shapes, normalized, strict=True):
        key, own = jax.random.split(key)
        layer = {"W": glorot(own, (inputs, units)), "b": jnp.zeros(units)}
        if norm:
            layer |= {"gamma": jnp.ones(units), "beta": jnp.zeros(units)}
            running.append((jnp.zeros(units), jnp.ones(units)))
        parameters.append(layer)
    return parameters, running


def objective(job: Job, parameters: Any, x: Any, y: Any, key: Any) -> tuple[Any, Any]:
    """The loss with penalties, and also the hits and the statistics of the batch."""
    statistics, penalty = [], 0.0
    keys = iter(jax.random.split(key, max(1, len(job.hidden))))
    for layer, p in zip(job.hidden, parameters, strict=False):
        x = x @ p["W"] + p["b"]
        activation = ACTIVATIONS[layer.activation]
        if layer.normalized != "before":
            x = activation(x)
        if layer.normalized:
            mean = x.mean(0)
            variance = jnp.square(x).mean(0) - jnp.square(mean)
            statistics.append((mean, variance))
            x = (x - mean) * (jax.lax.rsqrt(variance + 1e-3) * p["gamma"]) + p["beta"]
        if layer.normalized == "before":
            x = activation(x)
        if layer.dropout:
            keep = jax.random.bernoulli(next(keys), 1 - layer.dropout, x.shape)
            x = jnp.where(keep, x / (1 - layer.dropout), 0)
        if layer.l1:
            penalty += layer.l1 * jnp.abs(p["W"]).sum()
        if layer.l2:
            penalty += layer.l2 * jnp.square(p["W"]).sum()
    last = parameters[-1]
    x = x @ last["W"] + last["b"]
    if job.output_l2:
        penalty += job.output_l2 * jnp.square(last["W"]).sum()
    if job.outputs > 1:
        picked = jnp.take_along_axis(x, y[:, None], axis=1)[:, 0]
        value = (jax.nn.logsumexp(x, axis=1) - picked).mean()
        hits = (x.argmax(1) == y).sum()
    else:
        value = (jnp.maximum(x, 0) - x * y + jnp.log1p(jnp.exp(-jnp.abs(x)))).mean()
        hits = ((x > 0) == (y > 0.5)).sum()
    return value + penalty, (hits, statistics)


def update(chosen: Optimizer, parameters: Any, gradients: Any, state: Any) -> tuple[Any, Any]:
    """The optimizer's formula."""
    each, rate = jax.tree.map, chosen.learning_rate
    m, v, t = state
    t = t + 1
    if chosen.name == "sgd":
        mu = chosen.momentum
        m = each(lambda m, g: mu * m - rate * g, m, gradients)
        parameters = each(lambda p, m, g: p + mu * m - rate * g, parameters, m, gradients)
    elif chosen.name == "rmsprop":
        v = each(lambda v, g: v + (g * g - v) * (1 - RHO), v, gradients)
        parameters = each(
            lambda p, v, g: p - rate * g * jax.lax.rsqrt(v + EPSILON), parameters, v, gradients
        )
    else:
        scale = rate * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        m = each(lambda m, g: m + (g - m) * 0.1, m, gradients)
        v = each(lambda v, g: v + (g * g - v) * 0.001, v, gradients)
        parameters = each(lambda p, m, v: p - scale * m / (jnp.sqrt(v) + EPSILON), parameters, m, v)
    return parameters, (m, v, t)


def step(job: Job, x: Any, y: Any, carry: Any, chosen: Any) -> tuple[Any, None]:
    """One step on the rows ``chosen``; the sums of loss and hits are carried along."""
    parameters, running, state, key, loss, hits = carry
    key, own = jax.random.split(key)
    gradient = jax.value_and_grad(partial(objective, job), has_aux=True)
    (value, (right, statistics)), gradients = gradient(parameters, x[chosen], y[chosen], own)
    parameters, state = update(job.optimizer, parameters, gradients, state)
    running = jax.tree.map(lambda old, new: old + (new - old) * 0.01, running, statistics)
    rows = chosen.shape[0]
    return (parameters, running, state, key, loss + value * rows, hits + right), None


def train(job: Job, rows: Rows, gate: Gate) -> None:
    """Train epochs as the gate asks."""
    parameters, running = build(job)
    zeros = (jax.tree.map(jnp.zeros_like, parameters) for _ in range(2))
    carry = (parameters, running, (*zeros, jnp.zeros(())), jax.random.key(1))
    x, y = jnp.asarray(rows.dense), jnp.asarray(rows.targets)
    random = np.random.default_rng(0)

    @partial(jax.jit, donate_argnums=0)
    def scanned(carry: Any, x: Any, y: Any, batches: Any) -> Any:
        return jax.lax.scan(partial(step, job, x, y), carry, batches)[0]

    @partial(jax.jit, donate_argnums=0)
    def last(carry: Any, x: Any, y: Any, chosen: Any) -> Any:
        return step(job, x, y, carry, chosen)[0]

    count = len(x)
    whole = count // job.batch * job.batch
    gate.ready(sum(p.size for p in jax.tree.leaves(parameters)))
    while True:
        gate.wait()
        order = random.permutation(count).astype(np.int32)
        carry = (*carry, jnp.zeros(()), jnp.zeros((), jnp.int32))
        if whole:
            carry = scanned(carry, x, y, order[:whole].reshape(-1, job.batch))
        if whole < count:
            carry = last(carry, x, y, order[whole:])
        *carry, loss, hits = carry
        gate.done(loss / count, hits / count)
