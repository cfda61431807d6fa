// A parsed model file: what it says about itself, before any size is bound. ONNX is the format so far.
//
// The file stays mapped for as long as a Model or a tensor of it lives; weights are read where they lie. A Model is a
// value that cannot change: copies share everything, and any number of threads may read it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "tensor/tensor.hpp"

namespace shoal::importer {

/// One extent of a declared shape: a number, a symbol to be bound, or unknown (neither).
struct Dim {
    std::int64_t size = -1;
    std::string symbol{};

    [[nodiscard]] bool known() const noexcept { return size >= 0; }
    bool operator==(const Dim&) const = default;
};

/// "3", "N" or "?"
[[nodiscard]] std::string to_string(const Dim& dim);

/// An input or output as the file declares it.
struct ValueInfo {
    std::string name;
    std::optional<tensor::ElementType> element{};  ///< absent: not declared, or no tensor of a type we know
    std::string kind = "tensor";                   ///< "tensor", "sequence", "optional" or the foreign element type
    std::optional<std::vector<Dim>> dims{};        ///< absent: not even the rank is declared
    bool has_default = false;                      ///< an input that may be left out: the file holds a value for it
};

/// "f32[N, 3, 224, 224]"; "?" stands for what is not declared.
[[nodiscard]] std::string to_string(const ValueInfo& info);

/// How often an operator occurs, and how often of these inside of branches, loop bodies and functions.
struct OperatorCount {
    std::string domain;  ///< "" is ai.onnx
    std::string name;
    std::int64_t opset = 0;  ///< of its domain; 0 when the file does not import it
    std::int64_t count = 0;
    std::int64_t nested = 0;
};

struct SourceModel;

class Model {
public:
    /// Maps and checks a file; external weights are looked for beside it and never outside of its folder.
    /// Throws io, invalid_model or unsupported, naming what is wrong and where.
    static Model load(const std::filesystem::path& path);
    /// The same for bytes in memory; `folder` is where external weights may lie (empty: nowhere).
    static Model parse(base::SharedBytes file, const std::filesystem::path& folder = {});

    [[nodiscard]] const std::string& name() const noexcept;
    [[nodiscard]] const std::string& producer() const noexcept;
    [[nodiscard]] std::int64_t ir_version() const noexcept;
    /// Operator set versions by domain ("" is ai.onnx).
    [[nodiscard]] const std::map<std::string, std::int64_t, std::less<>>& opsets() const noexcept;
    [[nodiscard]] const std::vector<ValueInfo>& inputs() const noexcept;
    [[nodiscard]] const std::vector<ValueInfo>& outputs() const noexcept;

    /// Every kind of operator, sorted by domain and name; calls of the model's own functions count what is inside.
    [[nodiscard]] std::vector<OperatorCount> operators() const;
    /// The kinds that have no lowering, or none for the model's opset.
    [[nodiscard]] std::vector<OperatorCount> unsupported() const;
    /// Throws unsupported with the whole list of unsupported() unless it is empty.
    void check_supported() const;

    /// Elements and bytes of the initialisers of the main graph.
    [[nodiscard]] std::int64_t parameter_count() const;
    [[nodiscard]] std::uint64_t parameter_bytes() const;
    /// Names of the main graph's initialisers, sorted.
    [[nodiscard]] std::vector<std::string> initialisers() const;
    /// Throws not_found.
    [[nodiscard]] tensor::Tensor initialiser(std::string_view name) const;
    /// A model whose initialisers of these names have these values instead, types included; throws not_found.
    [[nodiscard]] Model with_initialisers(const std::map<std::string, tensor::Tensor>& values) const;

    /// What the lowering reads; of no use outside of this room.
    [[nodiscard]] const std::shared_ptr<const SourceModel>& source() const noexcept { return source_; }

private:
    struct File;
    Model(std::shared_ptr<const SourceModel> source, std::shared_ptr<const File> file);
    friend void save(const Model& model, const std::filesystem::path& path);
    friend class Edit;

    std::shared_ptr<const SourceModel> source_;
    std::shared_ptr<const File> file_;  // the file's own message, for writing it again
};

/// Writes the model as an ONNX file with all weights inside; everything that Shoal does not read is kept as it was.
/// Throws unsupported above 2 GiB, the most that an ONNX file can hold inline.
void save(const Model& model, const std::filesystem::path& path);

/// Parameter aggregation: the weighted mean of every floating-point initialiser, everything else as in the first model.
/// Weights are relative to their sum. Throws invalid_argument with the names that differ in type or are missing, or
/// whose integer contents differ.
[[nodiscard]] Model average(std::span<const Model> models, std::span<const double> weights);

/// A TensorProto as test data files hold it. Throws invalid_model or unsupported.
[[nodiscard]] tensor::Tensor read_tensor(base::ByteView bytes);

}  // namespace shoal::importer
