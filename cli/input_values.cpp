#include "cli/input_values.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "base/file.hpp"
#include "cli/frame.hpp"
#include "cli/model_flags.hpp"
#include "cli/text.hpp"
#include "tensor/npy.hpp"

namespace shoal::cli {

using base::Code;
using base::fail;
using base::text;
using importer::Dim;
using importer::Model;
using importer::ValueInfo;
using tensor::ElementType;
using tensor::Tensor;
using tensor::Type;

void add_input_flags(CLI::App& command, InputFlags& flags) {
    command
        .add_option("-i,--input", flags.files,
                    "A value for an input: a .npy, PNG or JPEG file. A model with one input needs no NAME=")
        ->option_text("[NAME=]FILE")
        ->allow_extra_args(false)
        ->group("Input and output");
    add_image_flags(command, flags.image);
}

namespace {

struct Assignment {
    const ValueInfo* input;
    std::string file;
};

// Names and files may both hold '=': a known name in front of one decides.
Assignment assignment(const Model& model, const std::string& flag) {
    for (auto at = flag.find('='); at != std::string::npos; at = flag.find('=', at + 1)) {
        for (const auto& input : model.inputs()) {
            if (flag.compare(0, at, input.name) == 0) return {&input, flag.substr(at + 1)};
        }
    }
    std::vector<const ValueInfo*> needed;
    for (const auto& input : model.inputs()) {
        if (!input.has_default) needed.push_back(&input);
    }
    std::error_code ignored;
    const auto equals = flag.find('=');
    if (equals == std::string::npos || std::filesystem::exists(flag, ignored)) {
        if (needed.size() == 1) return {needed[0], flag};
        throw UsageError(text("--input ", flag, ": say which input it is, as NAME=", flag,
                              "\n  the model's inputs: ", listed_inputs(model)));
    }
    return {&find_input(model, flag.substr(0, equals), "--input"), flag.substr(equals + 1)};
}

// The declared shape with everything that is bound put in; a batch that nobody mentions is 1.
std::vector<Dim> known_dims(const ValueInfo& input, const importer::Bindings& bindings) {
    std::vector<Dim> out;
    if (const auto bound = bindings.inputs.find(input.name); bound != bindings.inputs.end()) {
        for (const auto extent : std::get<Type>(bound->second).shape)
            out.push_back({extent, ""});
        return out;
    }
    if (!input.dims) {
        throw UsageError(
            text("input '", input.name, "' declares no shape; say --shape ", input.name, "=1,3,224,224 for a picture"));
    }
    out = *input.dims;
    for (Dim& dim : out) {
        const auto symbol = bindings.symbols.find(dim.symbol);
        if (!dim.known() && symbol != bindings.symbols.end()) dim.size = symbol->second;
    }
    return out;
}

// .npy files have no type for these; what they are written from holds them exactly.
std::optional<ElementType> stand_in(ElementType element) {
    switch (element) {
        case ElementType::bf16: return ElementType::f32;
        case ElementType::i4: return ElementType::i8;
        case ElementType::u4: return ElementType::u8;
        default: return std::nullopt;
    }
}

bool fits(const std::vector<Dim>& dims, const tensor::Shape& shape) {
    if (static_cast<int>(dims.size()) != shape.rank()) return false;
    for (int axis = 0; axis < shape.rank(); ++axis) {
        const Dim& dim = dims[static_cast<std::size_t>(axis)];
        if (dim.known() && dim.size != shape[axis]) return false;
    }
    return true;
}

std::string remedy(const ValueInfo& input, const Type& have) {
    if (input.element && have.element != *input.element) {
        constexpr std::pair<ElementType, std::string_view> kNumPy[] = {
            {ElementType::f32, "float32"}, {ElementType::f16, "float16"}, {ElementType::f64, "float64"},
            {ElementType::i8, "int8"},     {ElementType::i16, "int16"},   {ElementType::i32, "int32"},
            {ElementType::i64, "int64"},   {ElementType::u8, "uint8"},    {ElementType::u16, "uint16"},
            {ElementType::u32, "uint32"},  {ElementType::u64, "uint64"},  {ElementType::boolean, "bool"},
        };
        for (const auto& [element, name] : kNumPy) {
            if (element == *input.element) return text("save it with .astype('", name, "')");
        }
        return text("save it as ", tensor::name(stand_in(*input.element).value_or(*input.element)));
    }
    std::vector<std::int64_t> batched{1};
    batched.insert(batched.end(), have.shape.begin(), have.shape.end());
    if (batched.size() <= tensor::kMaxRank && input.dims && fits(*input.dims, tensor::Shape(batched)))
        return "save it with a batch axis in front, x[None]";
    return "give it the model's shape";
}

// A row of it with `each`, else all of it.
bool has_shape(const ValueInfo& input, const Tensor& value, bool each) {
    std::vector<std::int64_t> extents(value.shape().begin(), value.shape().end());
    if (each && extents.empty()) return false;
    if (each) extents[0] = 1;
    return !input.dims || fits(*input.dims, tensor::Shape(extents));
}

void expect(const ValueInfo& input, const Tensor& value, const std::string& file, bool each) {
    const bool typed = !input.element || *input.element == value.element();
    if (typed && has_shape(input, value, each)) return;
    fail(Code::invalid_argument, "input '", input.name, "': ", file, " holds ", value.type(), ", the model takes ",
         to_string(input), "; ", remedy(input, value.type()));
}

// What --dim and --shape say of the input must not be said in vain.
void expect_bound(const ValueInfo& input, const Tensor& value, const std::string& file, bool each,
                  const importer::Bindings& bindings) {
    std::vector<std::int64_t> extents(value.shape().begin(), value.shape().end());
    if (each && !extents.empty()) extents[0] = 1;
    const tensor::Shape one(extents);
    const std::string holds = text(file, " holds ", value.type(), each ? ", a row at a time" : "");
    if (const auto bound = bindings.inputs.find(input.name); bound != bindings.inputs.end()) {
        const auto& type = std::get<Type>(bound->second);
        if (type.shape != one)
            fail(Code::invalid_argument, "input '", input.name, "': ", holds, ", --shape says ", type.shape,
                 "; leave --shape out, or give a file of that shape");
    }
    for (std::size_t axis = 0; input.dims && axis < input.dims->size(); ++axis) {
        const Dim& dim = (*input.dims)[axis];
        const auto symbol = bindings.symbols.find(dim.symbol);
        if (dim.known() || symbol == bindings.symbols.end() || symbol->second == one[static_cast<int>(axis)]) continue;
        fail(Code::invalid_argument, "input '", input.name, "': ", holds, ", --dim says ", dim.symbol, '=',
             symbol->second, " for axis ", axis, "; leave --dim out, or give a file of that size");
    }
}

InputValue from_npy_file(const ValueInfo& input, const std::string& file, const base::SharedBytes& bytes,
                         const InputFlags& flags, const importer::Bindings& bindings) {
    InputValue out{input.name, file, tensor::from_npy(bytes, file), {}};
    if (input.element && stand_in(*input.element) == out.tensor.element()) {
        out.tensor = tensor::from_doubles(*input.element, out.tensor.shape(), tensor::to_doubles(out.tensor));
        out.notes.push_back(text("made ", tensor::name(*input.element)));
    }
    const auto& state = flags.state;
    const bool many = flags.each && std::find(state.begin(), state.end(), input.name) == state.end();
    const bool each = many && (has_shape(input, out.tensor, true) || !has_shape(input, out.tensor, false));
    out.whole = !each;
    expect(input, out.tensor, file, each);
    expect_bound(input, out.tensor, file, each, bindings);
    return out;
}

InputValue read_input(const Assignment& given, const InputFlags& flags, const importer::Bindings& bindings) {
    const auto& [input, file] = given;
    if (input->kind != "tensor")
        fail(Code::unsupported, "input '", input->name, "' is a ", input->kind, "; files hold tensors");
    const auto bytes = base::map_file(file);
    if (is_picture(bytes.view())) {
        auto image = image_input(*input, known_dims(*input, bindings), decode_picture(bytes.view(), file), flags.image);
        return {input->name, file, std::move(image.tensor), std::move(image.notes), true};
    }
    constexpr std::string_view kMagic = "\x93NUMPY";
    const std::string_view start(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), kMagic.size()));
    if (start != kMagic)
        fail(Code::invalid_argument, "input '", input->name, "': ", file, " is no .npy, PNG or JPEG file");
    return from_npy_file(*input, file, bytes, flags, bindings);
}

void expect_all(const Model& model, const std::map<std::string, InputValue>& given,
                const std::vector<std::string>& optional) {
    std::vector<std::string> missing;
    for (const auto& input : model.inputs()) {
        const bool may_miss =
            input.has_default || std::find(optional.begin(), optional.end(), input.name) != optional.end();
        if (!may_miss && given.count(input.name) == 0) missing.push_back("'" + input.name + "'");
    }
    if (missing.empty()) return;
    throw UsageError(text(missing.size() == 1 ? "input " : "inputs ", joined(missing),
                          missing.size() == 1 ? " is" : " are",
                          " missing; give --input NAME=FILE for each\n  the model's inputs: ", listed_inputs(model)));
}

}  // namespace

std::vector<InputValue> read_inputs(const Model& model, const InputFlags& flags, const importer::Bindings& bindings) {
    std::map<std::string, InputValue> given;
    for (const auto& flag : flags.files) {
        const auto own = assignment(model, flag);
        if (given.count(own.input->name) != 0)
            throw UsageError(text("--input: input '", own.input->name, "' is given twice"));
        given.emplace(own.input->name, read_input(own, flags, bindings));
    }
    expect_all(model, given, flags.state);
    std::vector<InputValue> out;
    for (const auto& input : model.inputs()) {
        if (const auto value = given.find(input.name); value != given.end()) out.push_back(std::move(value->second));
    }
    return out;
}

}  // namespace shoal::cli
