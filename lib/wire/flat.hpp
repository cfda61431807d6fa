// FlatBuffers in and out: verified before use, and unpacked against a budget. Internal to the wire, for .cpp files
// only.
//
// A verified buffer may still name the same string a million times; so everything that is unpacked is charged to a
// budget of the body's size, which an honest buffer cannot exceed.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "wire/envelope.hpp"

namespace shoal::wire {

// The generated code is in shoal::wire::fb.
namespace flat = flatbuffers;

// --- Out ------------------------------------------------------------------------------------------------------------

/// The finished buffer as a message.
[[nodiscard]] Frames seal(Kind kind, flat::FlatBufferBuilder& builder, Frames payload = {});

/// A string; throws invalid_argument naming `what` above the limit.
[[nodiscard]] flat::Offset<flat::String> pack_name(flat::FlatBufferBuilder& builder, const std::string& text,
                                                   const char* what, std::size_t limit = kMaxNameBytes);
/// A text for people, cut at its limit.
[[nodiscard]] flat::Offset<flat::String> pack_text(flat::FlatBufferBuilder& builder, const std::string& text);

/// A vector of tables: pack_one(builder, item) makes each.
template <class Item, class PackOne>
[[nodiscard]] auto pack_list(flat::FlatBufferBuilder& builder, const std::vector<Item>& items, PackOne&& pack_one) {
    using Offset = decltype(pack_one(builder, items[0]));
    std::vector<Offset> offsets;
    offsets.reserve(items.size());
    for (const auto& item : items)
        offsets.push_back(pack_one(builder, item));
    return builder.CreateVector(offsets);
}

/// A vector of structs: pack_one(item) makes each.
template <class Item, class PackOne>
[[nodiscard]] auto pack_structs(flat::FlatBufferBuilder& builder, const std::vector<Item>& items, PackOne&& pack_one) {
    using Struct = decltype(pack_one(items[0]));
    std::vector<Struct> structs;
    structs.reserve(items.size());
    for (const auto& item : items)
        structs.push_back(pack_one(item));
    return builder.CreateVectorOfStructs(structs);
}

// --- In -------------------------------------------------------------------------------------------------------------

class Unpacker {
public:
    /// Of a message's body, or of any buffer.
    explicit Unpacker(const Envelope& envelope) : Unpacker(envelope.body()) {}
    explicit Unpacker(base::ByteView body);

    /// The root, verified; throws network.
    template <class Table>
    [[nodiscard]] const Table& root() const {
        flat::Verifier verifier(data_, size_, kMaxDepth, most_tables());
        if (!verifier.VerifyBuffer<Table>(nullptr)) refuse("its bytes are not what its schema says");
        return *flat::GetRoot<Table>(data_);
    }

    /// Missing strings are empty. Throws network above the limit.
    [[nodiscard]] std::string name(const flat::String* text, const char* what, std::size_t limit = kMaxNameBytes);
    [[nodiscard]] std::string text(const flat::String* text) { return name(text, "text", kMaxTextBytes); }

    /// Plain numbers.
    template <class Number>
    [[nodiscard]] std::vector<Number> numbers(const flat::Vector<Number>* list, std::size_t limit, const char* what) {
        if (list == nullptr || list->size() == 0) return {};
        charge(list->size(), sizeof(Number), limit, what);
        expect_aligned(list->Data(), alignof(Number), what);
        return {list->begin(), list->end()};
    }
    [[nodiscard]] std::vector<double> finites(const flat::Vector<double>* list, std::size_t limit, const char* what);

    /// Tables: unpack_one(*this, table) makes each.
    template <class Table, class UnpackOne>
    [[nodiscard]] auto list(const flat::Vector<flat::Offset<Table>>* tables, std::size_t limit, const char* what,
                            UnpackOne&& unpack_one) {
        std::vector<decltype(unpack_one(*this, *tables->Get(0)))> out;
        if (tables == nullptr) return out;
        charge(tables->size(), sizeof(flat::uoffset_t), limit, what);
        out.reserve(tables->size());
        for (const Table* table : *tables) {
            charge(1, kLeastTableBytes, limit, what);
            out.push_back(unpack_one(*this, *table));
        }
        return out;
    }

    /// Structs: unpack_one(struct) makes each.
    template <class Struct, class UnpackOne>
    [[nodiscard]] auto structs(const flat::Vector<const Struct*>* items, std::size_t limit, const char* what,
                               UnpackOne&& unpack_one) {
        std::vector<decltype(unpack_one(*items->Get(0)))> out;
        if (items == nullptr || items->size() == 0) return out;
        charge(items->size(), sizeof(Struct), limit, what);
        expect_aligned(items->Data(), alignof(Struct), what);
        out.reserve(items->size());
        for (const Struct* item : *items)
            out.push_back(unpack_one(*item));
        return out;
    }

    [[nodiscard]] std::vector<std::string> names(const flat::Vector<flat::Offset<flat::String>>* list,
                                                 std::size_t limit, const char* what,
                                                 std::size_t each_limit = kMaxNameBytes);

    template <class... Parts>
    [[noreturn]] static void refuse(const Parts&... parts) {
        base::fail(base::Code::network, parts...);
    }

private:
    static constexpr flat::uoffset_t kMaxDepth = 2 * kMaxPlanDepth + 8;
    static constexpr std::size_t kLeastTableBytes = 4;  // its vtable may be another's too

    [[nodiscard]] flat::uoffset_t most_tables() const noexcept;
    void charge(std::size_t count, std::size_t each, std::size_t limit, const char* what);
    // The verifier looks at the alignment of a vector's length, not at that of its elements (if it has any).
    static void expect_aligned(const void* elements, std::size_t alignment, const char* what) {
        if (reinterpret_cast<std::uintptr_t>(elements) % alignment != 0) refuse("unaligned ", what);
    }

    std::vector<std::uint64_t> aligned_;  // a copy, where the body lies unaligned
    const std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t budget_ = 0;
};

/// Throw network naming `what` unless the number makes sense.
[[nodiscard]] double finite(double value, const char* what);
[[nodiscard]] double not_negative(double value, const char* what);

/// One of an enumeration whose numbers are `first` to `last`.
template <class Enum>
[[nodiscard]] Enum checked_enum(std::uint8_t value, Enum first, Enum last, const char* what) {
    if (value < static_cast<std::uint8_t>(first) || value > static_cast<std::uint8_t>(last)) {
        base::fail(base::Code::network, what, " ", static_cast<int>(value), "; there are ",
                   static_cast<int>(static_cast<std::uint8_t>(first)), " to ",
                   static_cast<int>(static_cast<std::uint8_t>(last)));
    }
    return Enum{value};
}

}  // namespace shoal::wire
