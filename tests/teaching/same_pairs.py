"""Known mistakes, and pairs of known mistakes, that give the same numbers on every input."""

from __future__ import annotations

# dgamma takes from the running statistics only x̂: dx shows which formula was used.
RUNNING = "inference statistics", "running statistics in the training formula"
# x̂ enters dgamma, too, where it is right if only an exponent of dx is wrong.
EXPONENT = "deviation missing in x̂", "exponent -1/2 for -3/2"
# Single mistakes: the output, and the names.
SAME = [("dgamma", set(RUNNING)), ("dx", set(EXPONENT))]
UPON_EXPONENT = (
    *("unbiased variance", "square root missing", "deviation forgotten", "epsilon forgotten"),
    *("epsilon outside the root", "gamma forgotten", "gamma twice", "wrong sign"),
)
OVERWRITTEN = [
    {
        ("penalty subtracted", "loss's gradient overwritten"),
        ("loss's gradient overwritten", "wrong sign"),
    }
]
LOST = {
    ("upstream gradient lost", "positive side forgotten"),
    ("positive side forgotten", "upstream gradient lost where x is negative"),
}
SMOOTH = [
    {
        ("derivative left out", "multiplied by x, too"),
        ("activation for its derivative", "x in place of y"),
    },
    {
        ("x in place of y", "multiplied by x, too"),
        ("x in place of y", "multiplied by the output, too"),
    },
]
# Sets of two mistakes at once, by kernel; each set has the same numbers.
SAME_PAIRS: dict[str, list[set[tuple[str, str]]]] = {
    "dense": [
        {
            ("only the last row", "upstream gradient lost"),
            ("only the first row", "upstream gradient lost"),
            ("db averaged", "upstream gradient lost"),
        },
        *(
            {("db summed over everything", other), ("db averaged over everything", other)}
            for other in ("left out", "axis kept")
        ),
        {
            ("last row left out", "upstream gradient lost"),
            ("first row left out", "upstream gradient lost"),
        },
    ],
    "relu": [{("mask lost", "upstream gradient lost"), ("mask from dy", "upstream gradient lost")}],
    "leaky_relu": [
        {("slope 1", "upstream gradient lost"), ("mask from dy", "upstream gradient lost")},
        {("slope on both sides", "slope subtracted"), ("slope on both sides", "wrong sign")},
        *(
            {("slope on the wrong side", other), ("slope 1", other)} | more
            for other, more in (
                ("positive side forgotten", {("slope forgotten", "slope on the wrong side")}),
                ("upstream gradient lost where x is positive", set()),
            )
        ),
        {
            ("slope forgotten", "upstream gradient lost"),
            ("slope forgotten", "upstream gradient lost where x is positive"),
        },
        {
            ("slope subtracted", "positive side forgotten"),
            ("positive side forgotten", "wrong sign"),
        },
        LOST,
    ],
    "elu": [
        *(
            {(one, other), (another, other)}
            for one, another in (
                ("slope 1", "branches swapped"),
                ("alpha not added", "activation for its derivative"),
            )
            for other in ("positive side forgotten", "upstream gradient lost where x is positive")
        ),
        {
            ("negative side forgotten", "upstream gradient lost"),
            ("negative side forgotten", "upstream gradient lost where x is positive"),
        },
        LOST,
    ],
    "sigmoid": [
        {
            ("x in place of y", "factor 1 - y missing"),
            ("derivative left out", "multiplied by x, too"),
        },
        SMOOTH[1],
    ],
    "tanh": SMOOTH,
    "softplus": SMOOTH,
    "softsign": SMOOTH,
    "sigmoid_crossentropy": [
        {
            ("targets left out", "parentheses forgotten"),
            ("targets left out", "sum in place of the mean"),
        }
    ],
    "softmax_crossentropy": [
        {("targets left out", "parentheses forgotten"), ("targets left out", "missing 1/N")},
        {
            (name, "divided by the number of classes")
            for name in ("mean over the classes", "1/N twice")
        },
        {
            (name, "Jacobian of softmax applied again")
            for name in ("targets left out", "1 subtracted everywhere")
        },
        *(
            {(name, "wrong sign"), (name, "1 added")}
            for name in ("Jacobian of softmax left out", "diagonal Jacobian")
        ),
    ],
    "log_softmax": [
        {
            (name, "upstream gradient lost")
            for name in ("diagonal Jacobian", "mean for the sum", "weighted sum")
        }
    ],
    "bounded_relu": [
        {("slope 1", "upstream gradient lost"), ("mask from dy", "upstream gradient lost")},
        {("slope on both sides", "slope subtracted"), ("slope on both sides", "wrong sign")},
        {(name, "negative side not differentiated") for name in ("slope 1", "maximum forgotten")},
        {("threshold forgotten", name) for name in ("mask from y", "maximum forgotten")},
        {("branches swapped", name) for name in ("slope above the maximum", "maximum forgotten")},
    ],
    "hard_sigmoid": [
        {("slope forgotten", "derivative left out"), ("slope divided by", "mask lost")},
    ],
    "gelu": [
        {
            ("factor x missing", "gate in place of the density"),
            ("gate not differentiated", "half forgotten in the gate"),
        }
    ],
    "gelu_tanh": [
        {
            ("product of the derivatives", "u in place of its derivative"),
            ("x not differentiated", "3 forgotten"),
        }
    ],
    "batchnorm": [
        *(
            {(one, other) for one in RUNNING}
            for other in ("gamma in dgamma", "dgamma averaged", "wrong sign", "axis kept")
        ),
        *(
            {(one, other) for one in EXPONENT}
            for other in (
                *("missing 1/N", "1/N twice", "N - 1 in place of N", "unbiased variance"),
                *("square root missing", "deviation forgotten", "epsilon forgotten"),
                *("epsilon outside the root", "running statistics in the training formula"),
                *("gamma forgotten", "gamma twice", "wrong sign"),
            )
        ),
    ],
    "layernorm": [{(one, other) for one in EXPONENT} for other in UPON_EXPONENT],
    "l1": OVERWRITTEN,
    "l2": OVERWRITTEN,
    "adam": [
        {
            (name, "grad in place of m")
            for name in ("correction of v forgotten", "corrections forgotten")
        }
    ],
}
