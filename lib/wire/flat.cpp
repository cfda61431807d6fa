#include "wire/flat.hpp"

#include <cstring>

namespace shoal::wire {

using base::Code;
using base::fail;

Frames seal(Kind kind, flat::FlatBufferBuilder& builder, Frames payload) {
    auto out = letter();
    out.put_bytes(std::as_bytes(std::span(builder.GetBufferPointer(), builder.GetSize())));
    return seal(kind, std::move(out), std::move(payload));
}

flat::Offset<flat::String> pack_name(flat::FlatBufferBuilder& builder, const std::string& text, const char* what,
                                     std::size_t limit) {
    if (text.size() > limit)
        fail(Code::invalid_argument, "a ", what, " of ", text.size(), " bytes; at most ", limit, " may be sent");
    return builder.CreateString(text);
}

flat::Offset<flat::String> pack_text(flat::FlatBufferBuilder& builder, const std::string& text) {
    const auto cut = shortened(text);
    return builder.CreateString(cut.data(), cut.size());
}

Unpacker::Unpacker(base::ByteView body) : size_(body.size()), budget_(body.size()) {
    data_ = reinterpret_cast<const std::uint8_t*>(body.data());
    if (reinterpret_cast<std::uintptr_t>(data_) % alignof(std::uint64_t) == 0) return;
    aligned_.resize((size_ + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t));
    std::memcpy(aligned_.data(), body.data(), size_);
    data_ = reinterpret_cast<const std::uint8_t*>(aligned_.data());
}

flat::uoffset_t Unpacker::most_tables() const noexcept {
    return static_cast<flat::uoffset_t>(size_ / kLeastTableBytes + 1);
}

void Unpacker::charge(std::size_t count, std::size_t each, std::size_t limit, const char* what) {
    if (count > limit) refuse(count, " ", what, "; at most ", limit, " may be sent");
    if (count > budget_ / each) refuse("more ", what, " than its ", size_, " bytes can hold");
    budget_ -= count * each;
}

std::string Unpacker::name(const flat::String* text, const char* what, std::size_t limit) {
    if (text == nullptr) return {};
    if (text->size() > limit) refuse("a ", what, " of ", text->size(), " bytes; at most ", limit, " may be sent");
    charge(text->size(), 1, limit, what);
    return text->str();
}

std::vector<double> Unpacker::finites(const flat::Vector<double>* list, std::size_t limit, const char* what) {
    auto out = numbers(list, limit, what);
    for (const double value : out)
        static_cast<void>(finite(value, what));
    return out;
}

std::vector<std::string> Unpacker::names(const flat::Vector<flat::Offset<flat::String>>* list, std::size_t limit,
                                         const char* what, std::size_t each_limit) {
    std::vector<std::string> out;
    if (list == nullptr) return out;
    charge(list->size(), sizeof(flat::uoffset_t), limit, what);
    for (const flat::String* text : *list)
        out.push_back(name(text, what, each_limit));
    return out;
}

double finite(double value, const char* what) {
    if (!std::isfinite(value)) fail(Code::network, what, " is ", value);
    return value;
}

double not_negative(double value, const char* what) {
    if (!std::isfinite(value) || value < 0) fail(Code::network, what, " is ", value);
    return value;
}

}  // namespace shoal::wire
