// A cluster as a JSON file: boards, their devices' rates and memory, links. What `shoal plan --cluster` reads and
// `shoal plan --hub --save-cluster` writes; docs/cluster-file.md describes every field.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

#include "plan/cluster.hpp"

namespace shoal::cli {

/// Throws invalid_argument naming the field (unknown, missing, of the wrong kind) and where it is, with the nearest
/// field that exists; not_found or io.
[[nodiscard]] plan::Cluster read_cluster(const std::filesystem::path& file);
[[nodiscard]] plan::Cluster cluster_of(const nlohmann::json& document);

/// What cluster_of reads back as the same cluster.
[[nodiscard]] nlohmann::ordered_json cluster_json(const plan::Cluster& cluster);

}  // namespace shoal::cli
