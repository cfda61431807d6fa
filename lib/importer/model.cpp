#include "importer/model.hpp"

#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "importer/external_files.hpp"
#include "importer/file.hpp"
#include "importer/operators.hpp"
#include "importer/source.hpp"

namespace shoal::importer {

using base::Code;
using base::fail;

namespace {

Parsed parse_in(const base::SharedBytes& bytes, std::vector<std::filesystem::path> folders, const std::string& name) {
    try {
        return parse_model(bytes, std::move(folders), std::filesystem::path(name).stem().string());
    } catch (const base::Error& error) {
        if (name.empty()) throw;
        throw base::Error(error.code(), name + ": " + error.what());
    }
}

// Counts operators by kind; functions of the model count what is inside, once however often they are called.
class Counter {
public:
    explicit Counter(const SourceModel& model) : model_(model) {}

    std::vector<OperatorCount> run() {
        count(model_.body, model_.opsets, false);
        std::vector<OperatorCount> out;
        for (auto& [key, entry] : counts_)
            out.push_back(std::move(entry));
        return out;
    }

private:
    void count(const SourceBody& body, const Opsets& opsets, bool nested) {
        for_each_op(body, [&](const SourceOp& op, int depth) {
            if (const auto* function = model_.find_function(op)) {
                if (seen_.insert(function).second) count(function->body, function->opsets, true);
                return;
            }
            const auto import = opsets.find(op.domain);
            const std::int64_t opset = import == opsets.end() ? 0 : import->second;
            auto& entry = counts_[{op.domain, op.type, opset}];
            entry.domain = op.domain;
            entry.name = op.type;
            entry.opset = opset;
            ++entry.count;
            if (nested || depth > 0) ++entry.nested;
        });
    }

    const SourceModel& model_;
    std::set<const SourceFunction*> seen_;
    std::map<std::tuple<std::string, std::string, std::int64_t>, OperatorCount> counts_;
};

}  // namespace

std::string to_string(const Dim& dim) {
    return dim.known() ? std::to_string(dim.size) : dim.symbol.empty() ? "?" : dim.symbol;
}

std::string to_string(const ValueInfo& info) {
    std::string out = info.element ? std::string(tensor::name(*info.element)) : info.kind == "tensor" ? "?" : info.kind;
    if (!info.dims) return out + "[?]";
    out += '[';
    for (std::size_t i = 0; i < info.dims->size(); ++i)
        out += (i ? ", " : "") + to_string((*info.dims)[i]);
    return out + ']';
}

Model::Model(std::shared_ptr<const SourceModel> source, std::shared_ptr<const File> file)
    : source_(std::move(source)), file_(std::move(file)) {}

Model Model::load(const std::filesystem::path& path) {
    std::error_code failed;
    const auto real = std::filesystem::canonical(path, failed);
    std::vector<std::filesystem::path> folders{path.has_parent_path() ? path.parent_path() : "."};
    if (!failed && real.parent_path() != folders[0]) folders.push_back(real.parent_path());
    auto parsed = parse_in(map_shared(path), std::move(folders), path.string());
    auto file = std::make_shared<const File>(File{std::move(parsed.message), std::move(parsed.blobs)});
    return {std::move(parsed.source), std::move(file)};
}

Model Model::parse(base::SharedBytes bytes, const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> folders;
    if (!folder.empty()) folders.push_back(folder);
    auto parsed = parse_in(bytes, std::move(folders), "");
    auto file = std::make_shared<const File>(File{std::move(parsed.message), std::move(parsed.blobs)});
    return {std::move(parsed.source), std::move(file)};
}

const std::string& Model::name() const noexcept {
    return source_->name;
}
const std::string& Model::producer() const noexcept {
    return source_->producer;
}
std::int64_t Model::ir_version() const noexcept {
    return source_->ir_version;
}
const Opsets& Model::opsets() const noexcept {
    return source_->opsets;
}
const std::vector<ValueInfo>& Model::inputs() const noexcept {
    return source_->body.inputs;
}
const std::vector<ValueInfo>& Model::outputs() const noexcept {
    return source_->body.outputs;
}

std::vector<OperatorCount> Model::operators() const {
    return Counter(*source_).run();
}

std::vector<OperatorCount> Model::unsupported() const {
    auto out = operators();
    const auto known = [](const OperatorCount& entry) { return is_supported(entry.domain, entry.name, entry.opset); };
    out.erase(std::remove_if(out.begin(), out.end(), known), out.end());
    return out;
}

void Model::check_supported() const {
    const auto missing = unsupported();
    if (missing.empty()) return;
    std::string list;
    for (const auto& entry : missing) {
        list += base::text("\n  ", entry.domain.empty() ? "ai.onnx" : entry.domain, ' ', entry.name, ", opset ",
                           entry.opset, ", ", entry.count, entry.count == 1 ? " time" : " times");
        if (entry.nested > 0) list += base::text(" (", entry.nested, " inside of subgraphs)");
        if (const auto why = reason_of_refusal(entry.domain, entry.name); !why.empty()) list += base::text(": ", why);
    }
    fail(Code::unsupported, "the model has ", missing.size(),
         missing.size() == 1 ? " kind of operator that is" : " kinds of operators that are", " not supported:", list);
}

std::int64_t Model::parameter_count() const {
    std::int64_t out = 0;
    for (const auto& [name, tensor] : source_->body.initialisers)
        out += tensor.refusal.empty() ? tensor.type.shape.count() : 0;
    return out;
}

std::uint64_t Model::parameter_bytes() const {
    std::uint64_t out = 0;
    for (const auto& [name, tensor] : source_->body.initialisers)
        out += tensor.bytes.size();
    return out;
}

std::vector<std::string> Model::initialisers() const {
    std::vector<std::string> out;
    for (const auto& [name, tensor] : source_->body.initialisers)
        out.push_back(name);
    std::sort(out.begin(), out.end());
    return out;
}

Tensor Model::initialiser(std::string_view name) const {
    const auto found = source_->body.initialisers.find(std::string(name));
    if (found == source_->body.initialisers.end()) fail(Code::not_found, "the model has no initialiser '", name, "'");
    return found->second.tensor();
}

}  // namespace shoal::importer
