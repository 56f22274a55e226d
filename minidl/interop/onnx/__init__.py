"""ONNX files: a writer for networks, and a reader for chains of operators."""
