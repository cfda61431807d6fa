// Small ONNX files for the command's tests.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tensor/tensor.hpp"

namespace shoal::onnx {
class ModelProto;
}

namespace shoal::test {

/// Builds a model operator by operator. Shapes are written "N,3,8,8": numbers, symbols, and "?" for an unknown size.
class OnnxFile {
public:
    explicit OnnxFile(const std::string& name, std::int64_t opset = 17);
    ~OnnxFile();

    OnnxFile& input(const std::string& name, const std::string& shape,
                    tensor::ElementType element = tensor::ElementType::f32);
    OnnxFile& output(const std::string& name, const std::string& shape,
                     tensor::ElementType element = tensor::ElementType::f32);
    OnnxFile& constant(const std::string& name, const tensor::Tensor& value);
    /// The attribute, when named, is one whole number or several.
    OnnxFile& op(const std::string& type, const std::vector<std::string>& inputs,
                 const std::vector<std::string>& outputs, const std::string& attribute = "",
                 const std::vector<std::int64_t>& value = {}, const std::string& domain = "");

    void save(const std::filesystem::path& path) const;

private:
    std::unique_ptr<onnx::ModelProto> model_;
};

/// data f32[N, 3, 8, 8] -> convolution, relu, mean, product -> scores f32[N, 5]; weights by seed.
void write_classifier(const std::filesystem::path& path, unsigned seed = 1);
/// a, b f32[N, 3] and c f32[3], which may be left out and then is 1, 2, 3 -> "sum/all" = a + b + c, "difference" = a -
/// b.
void write_adder(const std::filesystem::path& path);
/// data -> out, the same.
void write_identity(const std::filesystem::path& path, const std::string& shape,
                    tensor::ElementType element = tensor::ElementType::f32);

}  // namespace shoal::test
