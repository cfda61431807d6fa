#include "importer/tensor_data.hpp"

#include <charconv>
#include <cstring>

#include "base/error.hpp"
#include "importer/onnx.pb.h"

namespace shoal::importer {
namespace {

using base::Code;
using base::fail;

// Indexed by the public number of TensorProto.DataType.
struct TypeRow {
    std::string_view name;
    std::optional<ElementType> element{};
};
const TypeRow kTypes[] = {
    {"undefined"},
    {"float32", ElementType::f32},
    {"uint8", ElementType::u8},
    {"int8", ElementType::i8},
    {"uint16", ElementType::u16},
    {"int16", ElementType::i16},
    {"int32", ElementType::i32},
    {"int64", ElementType::i64},
    {"string"},
    {"bool", ElementType::boolean},
    {"float16", ElementType::f16},
    {"float64", ElementType::f64},
    {"uint32", ElementType::u32},
    {"uint64", ElementType::u64},
    {"complex64"},
    {"complex128"},
    {"bfloat16", ElementType::bf16},
    {"float8e4m3fn"},
    {"float8e4m3fnuz"},
    {"float8e5m2"},
    {"float8e5m2fnuz"},
    {"uint4", ElementType::u4},
    {"int4", ElementType::i4},
    {"float4e2m1"},
    {"float8e8m0"},
    {"uint2"},
    {"int2"},
};
constexpr std::int64_t kTypeCount = std::size(kTypes);

std::vector<std::byte> packed(const void* data, std::size_t size) {
    std::vector<std::byte> out(size);
    if (size > 0) std::memcpy(out.data(), data, size);
    return out;
}

template <class List>
std::vector<std::byte> whole_list(const List& list) {
    return packed(list.data(), static_cast<std::size_t>(list.size()) * sizeof(*list.data()));
}

// A list whose entries are wider than the elements: the low bits of each.
template <class To, class List>
std::vector<std::byte> narrowed_list(const List& list) {
    std::vector<To> values;
    values.reserve(static_cast<std::size_t>(list.size()));
    for (const auto value : list)
        values.push_back(static_cast<To>(value));
    return packed(values.data(), values.size() * sizeof(To));
}

std::vector<std::byte> typed_list(const onnx::TensorProto& proto, ElementType element) {
    switch (element) {
        case ElementType::f32: return whole_list(proto.float_data());
        case ElementType::f64: return whole_list(proto.double_data());
        case ElementType::i64: return whole_list(proto.int64_data());
        case ElementType::u64: return whole_list(proto.uint64_data());
        case ElementType::u32: return narrowed_list<std::uint32_t>(proto.uint64_data());
        case ElementType::i32: return whole_list(proto.int32_data());
        case ElementType::i16:
        case ElementType::u16:
        case ElementType::f16:
        case ElementType::bf16: return narrowed_list<std::uint16_t>(proto.int32_data());
        case ElementType::i8:
        case ElementType::u8:
        case ElementType::boolean:
        case ElementType::i4:  // an entry is a byte with two nibbles
        case ElementType::u4: return narrowed_list<std::uint8_t>(proto.int32_data());
    }
    return {};
}

// The type that dims and data_type declare; nullopt (with the reason in `refusal`) for a foreign element type.
std::optional<Type> declared_type(const onnx::TensorProto& proto, const std::string& who, std::string& refusal) {
    const auto element = element_type(proto.data_type());
    if (!element) {
        refusal = base::text(who, ": elements of type ", onnx_type_name(proto.data_type()), " are not supported");
        return std::nullopt;
    }
    try {
        Type type{*element, Shape(std::vector<std::int64_t>(proto.dims().begin(), proto.dims().end()))};
        (void)type.size_bytes();
        return type;
    } catch (const base::Error& error) {
        fail(Code::invalid_model, who, ": ", error.what());
    }
}

std::uint64_t read_number(const std::string& text, const std::string& key, const std::string& who) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        fail(Code::invalid_model, who, ": external data with ", key, " '", text, "'");
    return value;
}

base::SharedBytes read_external(const onnx::TensorProto& proto, std::size_t size, const std::string& who,
                                ExternalFiles& external) {
    std::string location;
    std::uint64_t offset = 0, length = size;
    for (const auto& entry : proto.external_data()) {
        if (entry.key() == "location") location = entry.value();
        if (entry.key() == "offset") offset = read_number(entry.value(), "offset", who);
        if (entry.key() == "length") length = read_number(entry.value(), "length", who);
    }
    if (length != size)
        fail(Code::invalid_model, who, ": its external data has ", length, " bytes, its type takes ", size);
    return external.read(location, offset, length, who);
}

base::SharedBytes elements(onnx::TensorProto& proto, const Type& type, const std::string& who,
                           std::vector<base::SharedBytes>& blobs, ExternalFiles& external) {
    if (proto.data_location() == 1) return read_external(proto, type.size_bytes(), who, external);
    if (proto.has_blob()) {
        if (proto.blob() >= blobs.size()) fail(Code::internal, who, ": blob ", proto.blob(), " of ", blobs.size());
        return blobs[proto.blob()];
    }
    base::SharedBytes bytes;
    if (proto.has_raw_data()) {
        bytes = base::SharedBytes::own(packed(proto.raw_data().data(), proto.raw_data().size()));
        proto.clear_raw_data();
    } else {
        bytes = base::SharedBytes::own(typed_list(proto, type.element));
        proto.clear_float_data();
        proto.clear_int32_data();
        proto.clear_int64_data();
        proto.clear_double_data();
        proto.clear_uint64_data();
    }
    proto.set_blob(static_cast<std::uint32_t>(blobs.size()));
    blobs.push_back(bytes);
    return bytes;
}

}  // namespace

std::optional<ElementType> element_type(std::int64_t onnx_type) noexcept {
    return onnx_type >= 0 && onnx_type < kTypeCount ? kTypes[onnx_type].element : std::nullopt;
}

int onnx_type(ElementType type) noexcept {
    for (int number = 0; number < kTypeCount; ++number) {
        if (kTypes[number].element == type) return number;
    }
    return 0;
}

std::string onnx_type_name(std::int64_t onnx_type) {
    if (onnx_type < 0 || onnx_type >= kTypeCount) return base::text("number ", onnx_type);
    return std::string(kTypes[onnx_type].name);
}

SourceTensor read_source_tensor(onnx::TensorProto& proto, std::vector<base::SharedBytes>& blobs,
                                ExternalFiles& external) {
    const std::string who = proto.name().empty() ? "a tensor" : "tensor '" + proto.name() + "'";
    SourceTensor out;
    const auto type = declared_type(proto, who, out.refusal);
    if (!type) return out;
    out.type = *type;
    out.bytes = elements(proto, *type, who, blobs, external);
    const std::size_t wanted = type->size_bytes();
    if (out.bytes.size() != wanted) {
        fail(Code::invalid_model, who, ": ", out.bytes.size(), " bytes of data for ", *type, ", which takes ", wanted);
    }
    return out;
}

}  // namespace shoal::importer
