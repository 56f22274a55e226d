"""Layers of Keras that are none here: each name answers, in a sentence, when it is called.

An import of such a name works, because programs import more than they use.
"""

from __future__ import annotations

from typing import Any, NoReturn

_IMAGES = "rows here are features without neighbours, and no layer convolves or pools"
_SEQUENCES = "rows here are features without an order, and no layer walks along a sequence"
_MERGES = "a network here is one row of layers, without branches"
_TEXTS = "a network here takes numbers; turn texts and categories into numbers before training"
_PICTURES = "images are not changed here while training; change the array before"
_AXES = "rows here are features; for another order write x = x.transpose(...) before training"
_PAD = "all features of a row count here; cut, pad or repeat the array before training"
_OTHERS = {
    "Lambda": "a function has no gradient here; derive from Layer with forward and backward",
    "EinsumDense": "rows here are flat; write Flatten() and Dense(...)",
    "GroupNormalization": "rows here are flat; write LayerNormalization()",
    "RMSNormalization": "rows are divided by their lengths in UnitNormalization()",
    "SpectralNormalization": "weights are held by kernel_constraint=MaxNorm(...)",
    "Wrapper": "layers here hold no other layers; put them in a row",
    "Masking": "all features of a row count here; give rows weights with sample_weight",
    "Pipeline": "put the layers into a Sequential",
    "TFSMLayer": "layers of other packages do not run here",
    "TorchModuleWrapper": "layers of other packages do not run here",
    "JaxLayer": "layers of other packages do not run here",
    "FlaxLayer": "layers of other packages do not run here",
}
_OF_KINDS = {
    _IMAGES: """
        Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose Conv3DTranspose DepthwiseConv1D
        DepthwiseConv2D SeparableConv1D SeparableConv2D Convolution1D Convolution2D Convolution3D
        Convolution1DTranspose Convolution2DTranspose Convolution3DTranspose SeparableConvolution1D
        SeparableConvolution2D AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D
        AvgPool2D AvgPool3D MaxPooling1D MaxPooling2D MaxPooling3D MaxPool1D MaxPool2D MaxPool3D
        AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
        AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D
        GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D
        GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
        GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D SpatialDropout1D SpatialDropout2D
        SpatialDropout3D""",
    _SEQUENCES: """
        LSTM LSTMCell GRU GRUCell RNN SimpleRNN SimpleRNNCell StackedRNNCells ConvLSTM1D ConvLSTM2D
        ConvLSTM3D Bidirectional TimeDistributed Embedding ReversibleEmbedding Attention
        AdditiveAttention MultiHeadAttention GroupQueryAttention GroupedQueryAttention
        STFTSpectrogram MelSpectrogram""",
    _MERGES: """
        Add add Average average Concatenate concatenate Dot dot Maximum maximum Minimum minimum
        Multiply multiply Subtract subtract""",
    _TEXTS: """
        CategoryEncoding Discretization HashedCrossing Hashing IntegerLookup StringLookup
        TextVectorization""",
    _AXES: "Permute",
    _PAD: """
        RepeatVector ZeroPadding1D ZeroPadding2D ZeroPadding3D Cropping1D Cropping2D Cropping3D
        UpSampling1D UpSampling2D UpSampling3D""",
    _PICTURES: """
        AugMix AutoContrast CenterCrop ContrastLimitedAdaptiveHistogramEqualization CutMix
        Equalization MaxNumBoundingBoxes MixUp RandAugment
        RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop
        RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale
        RandomHeight RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation
        RandomSaturation RandomSharpness RandomShear RandomTranslation RandomWidth RandomZoom
        Resizing Solarization""",
}


def answer(name: str) -> str | None:
    """The reason why there is no such layer, and advice; None if Keras lacks the name, too."""
    return _OTHERS.get(name) or next(
        (why for why, names in _OF_KINDS.items() if name in names.split()), None
    )


def stand_in(name: str) -> type:
    """A class in the place of a layer that Keras has.

    Raises:
        AttributeError: no layer of Keras's.
    """
    why = answer(name)
    if why is None:
        raise AttributeError(f"module 'minidl.layers' has no attribute {name!r}")

    def refuse(self: Any, *_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError(f"{name} is none of minidl's layers: {why}")

    return type(name, (), {"__init__": refuse, "__doc__": f"None of minidl's layers: {why}."})
