// Values that several messages carry, to and from FlatBuffers. Internal to the wire, for .cpp files only.
#pragma once

#include "wire/board_messages.hpp"
#include "wire/client_messages.hpp"
#include "wire/flat.hpp"
#include "wire/graph_generated.h"
#include "wire/values_generated.h"

namespace shoal::wire {

[[nodiscard]] fb::Digest pack(const base::Digest& digest);
[[nodiscard]] base::Digest unpack(const fb::Digest* digest);

[[nodiscard]] flat::Offset<fb::Named> pack(flat::FlatBufferBuilder& builder, const Named& named);
[[nodiscard]] Named unpack(Unpacker& in, const fb::Named& named);
[[nodiscard]] flat::Offset<fb::Reading> pack(flat::FlatBufferBuilder& builder, const Reading& reading);
[[nodiscard]] Reading unpack(Unpacker& in, const fb::Reading& reading);

[[nodiscard]] flat::Offset<fb::Device> pack(flat::FlatBufferBuilder& builder, const device::DeviceInfo& device);
[[nodiscard]] device::DeviceInfo unpack(Unpacker& in, const fb::Device& device);
[[nodiscard]] fb::DeviceLoad pack(const DeviceLoad& load);
[[nodiscard]] DeviceLoad unpack(const fb::DeviceLoad& load);

[[nodiscard]] fb::Work pack(const plan::Work& work);
[[nodiscard]] plan::Work unpack(const fb::Work& work);
[[nodiscard]] flat::Offset<fb::Plan> pack(flat::FlatBufferBuilder& builder, const plan::Plan& plan);
/// Every board that the plan names is below `boards`.
[[nodiscard]] plan::Plan unpack(Unpacker& in, const fb::Plan* plan, std::size_t boards);
[[nodiscard]] flat::Offset<fb::Cluster> pack(flat::FlatBufferBuilder& builder, const plan::Cluster& cluster);
[[nodiscard]] plan::Cluster unpack(Unpacker& in, const fb::Cluster* cluster);

[[nodiscard]] flat::Offset<fb::Graph> pack(flat::FlatBufferBuilder& builder, const graph::Graph& graph);
/// Validated.
[[nodiscard]] graph::Graph unpack(Unpacker& in, const fb::Graph* graph);

/// For lists of values that pack themselves.
inline constexpr auto kPackOne = [](flat::FlatBufferBuilder& builder, const auto& value) {
    return pack(builder, value);
};
inline constexpr auto kUnpackOne = [](Unpacker& in, const auto& table) { return unpack(in, table); };
inline constexpr auto kPackStruct = [](const auto& value) { return pack(value); };
inline constexpr auto kUnpackStruct = [](const auto& value) { return unpack(value); };

/// A list of names.
[[nodiscard]] flat::Offset<flat::Vector<flat::Offset<flat::String>>> pack_names(flat::FlatBufferBuilder& builder,
                                                                                const std::vector<std::string>& names,
                                                                                const char* what);

}  // namespace shoal::wire
