"""Files of ONNX: networks written, and chains of operators read."""
