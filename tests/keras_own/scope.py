"""The tests of Keras's that are run, and those that ask for what minidl does not claim.

A test is left aside by its file, or by a word in its name, its parameters or its text. Each rule
has a reason, which the command prints with the number of tests.
"""

from __future__ import annotations

import re

FOLDERS = [
    *("layers/core", "layers/activations", "layers/regularization", "layers/normalization"),
    *("losses", "metrics", "optimizers", "optimizers/schedules", "callbacks", "initializers"),
    *("regularizers", "constraints", "models/sequential_test.py", "activations"),
]
#: Files of classes that docs/from_keras.md has as answered or absent.
FILES = [
    "einsum_dense",
    "embedding",
    "reversible_embedding",
    "lambda_layer",
    "masking",
    "wrapper",
    "group_normalization",
    "rms_normalization",
    "spectral_normalization",
    "spatial_dropout",
    "iou_metrics",
    "correlation_metrics",
    "lamb",
    "muon",
    "adafactor",
    "multi_optimizer",
    "loss_scale_optimizer",
    "schedule_free_adamw",
    "optimizer_sparse",
    "orbax_checkpoint",
    "remote_monitor",
    "swap_ema_weights",
    "monitor_callback",
]
#: Reason -> words of a test's name, parameters or text.
WORDS = {
    "quantized or low-rank weights": r"quanti[sz]|lora|int4|int8|float8|awq|gptq|legacy_load_own",
    "other types than float32 and float64": r"float16|mixed_dtypes|dtype_polic|int32.*config|"
    r'config.*dtype="int32"|dtype="int32"',
    "masks, and classes that are ignored": r"mask|ignore_class",
    "layers and losses that are none here": r"Conv\dD|Embedding|StringLookup|Lambda|MultiHead|"
    r"Tversky|Dice\b|dice|Circle|CTC|ctc|GeneralizedCross|generalized_cross|Orthogonal(Reg|_reg)|"
    r"orthogonal_reg|STFT|stft|sparsemax|\bglu\b|activations\.threshold|test_threshold\b|"
    r"MyModel|class \w+\((models\.)?(Model|layers\.Layer|Layer)\)",
    "rows of several axes, or statistics over others": r"shared_axes|noise_shape|renorm|"
    r"synchronized|axis=[(\[12]|axis=\{|multidimensional|input_shape=\(\d+, \d+, \d|input_axes|"
    r"compute_fans|input_data=np\.array\(\[\[\[|\"axis\": [(\[0-9]|singleton_class_dim",
    "tensors without numbers, of TensorFlow, sparse or ragged": r"KerasTensor|stateless|symbolic|"
    r"\btf\.|sparse=|ragged|_sparse|IndexedSlices|indexed_slices|tf_variables|tf_checkpoint|"
    r"random\.(uniform|normal)|SeedGenerator|layout",
    "attributes with an underscore, and helpers of Keras's files": r"(?<!self)\._(?!_)[a-z]\w+|"
    r"validate_float_arg|file_utils|io_utils|squeeze_or_expand|monitor_op|pickle",
    "optimizers that are none here, scaled losses": r"\('adafactor'|loss_scal|"
    r"overwrite_with_gradient",
    "inputs by name": r"dict_inputs|list_inputs|optional",
}


def outside(file: str, name: str, text: str) -> str | None:
    """The reason why a test asks for what minidl does not claim, or None.

    Args:
        file: of the tests, "dense_test.py".
        name: of the test with its parameters.
        text: of the test.
    """
    if file.removesuffix("_test.py") in FILES:
        return "classes that are none here"
    plain = re.sub(r"np(\.\w+)+\([^()]*\)", "", text)  # what NumPy is asked for is no matter
    found = (why for why, words in WORDS.items() if re.search(words, f"{name}\n{plain}"))
    return next(found, None)
