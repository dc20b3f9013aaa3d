// The generated ONNX messages. Private: public headers of this folder do not include it.
#pragma once

#include <onnx/onnx_pb.h>
