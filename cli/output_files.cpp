#include "cli/output_files.hpp"

#include <unistd.h>

#include <map>

#include "base/file.hpp"
#include "tensor/npy.hpp"

namespace shoal::cli {

using base::Code;
using base::fail;
using tensor::ElementType;
using tensor::Tensor;
namespace fs = std::filesystem;

namespace {

bool is_safe(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

// The nearest folder above a path that is there already.
fs::path existing(fs::path path) {
    path = fs::absolute(path);
    std::error_code ignored;
    while (!fs::exists(path, ignored) && path.has_parent_path() && path != path.parent_path())
        path = path.parent_path();
    return path;
}

ElementType file_element(ElementType element) {
    switch (element) {
        case ElementType::bf16: return ElementType::f32;
        case ElementType::i4: return ElementType::i8;
        case ElementType::u4: return ElementType::u8;
        default: return element;
    }
}

}  // namespace

std::string file_name(std::string_view output) {
    constexpr std::size_t kLongest = 200;  // file systems stop at 255 bytes
    std::string out(output.substr(0, kLongest));
    for (char& c : out) {
        if (!is_safe(c)) c = '_';
    }
    if (out.empty()) out = "output";
    if (out[0] == '.' || out[0] == '-') out[0] = '_';  // hidden, or taken for a flag
    return out + ".npy";
}

OutputFolder::OutputFolder(fs::path folder, const std::vector<std::string>& outputs) : folder_(std::move(folder)) {
    std::map<std::string, std::string> taken;
    for (const auto& output : outputs) {
        const auto [at, is_new] = taken.emplace(file_name(output), output);
        if (!is_new) {
            fail(Code::refused, "outputs '", at->second, "' and '", output, "' would both become ", at->first,
                 "; rename one of them in the model");
        }
    }
    const auto above = existing(folder_);
    if (!fs::is_directory(above)) fail(Code::io, "'", above.string(), "' is a file; --output takes a folder");
    if (::access(above.c_str(), W_OK | X_OK) != 0)
        fail(Code::io, "the folder '", above.string(), "' cannot be written; choose another for --output");
    for (const auto& [name, output] : taken) {
        if (fs::is_directory(folder_ / name))
            fail(Code::io, "'", (folder_ / name).string(), "' is a folder; output '", output, "' would go there");
    }
}

std::vector<OutputFolder::Written> OutputFolder::write(
    const std::vector<std::pair<std::string, Tensor>>& outputs) const {
    base::make_folder(folder_);
    std::vector<Written> out;
    for (const auto& [name, tensor] : outputs) {
        const auto element = file_element(tensor.element());
        const bool same = element == tensor.element();
        const Tensor stored = same ? tensor : tensor::from_doubles(element, tensor.shape(), tensor::to_doubles(tensor));
        const auto file = folder_ / file_name(name);
        base::replace_file(file, tensor::to_npy(stored));
        out.push_back(
            {file,
             same ? "" : base::text("as ", tensor::name(element), ", .npy has no ", tensor::name(tensor.element()))});
    }
    return out;
}

}  // namespace shoal::cli
