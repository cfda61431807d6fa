#include "cli/config_file.hpp"

#include <toml++/toml.h>

#include <cstdio>

#include "base/file.hpp"
#include "cli/frame.hpp"

namespace shoal::cli {
namespace {

using Kind = ConfigEntry::Kind;

Kind kind_of(const toml::node& node) {
    switch (node.type()) {
        case toml::node_type::string: return Kind::text;
        case toml::node_type::integer: return Kind::whole;
        case toml::node_type::floating_point: return Kind::real;
        case toml::node_type::boolean: return Kind::truth;
        case toml::node_type::table: return Kind::section;
        default: return Kind::other;
    }
}

std::string value_of(const toml::node& node) {
    switch (kind_of(node)) {
        case Kind::text: return node.value_or(std::string());
        case Kind::whole: return std::to_string(node.value_or(std::int64_t{}));
        case Kind::truth: return node.value_or(false) ? "true" : "false";
        case Kind::real: {
            char text[40];
            const auto end = std::snprintf(text, sizeof text, "%.17g", node.value_or(0.0));
            return {text, static_cast<std::size_t>(end)};
        }
        default: return "";
    }
}

ConfigEntry entry_of(std::string key, const toml::node& node) {
    ConfigEntry out{std::move(key), kind_of(node), node.is_array(), {}, node.source().begin.line};
    if (!out.list) {
        out.values.push_back(value_of(node));
        return out;
    }
    for (const auto& element : *node.as_array()) {
        const Kind kind = kind_of(element);
        out.kind = out.values.empty() || kind == out.kind ? kind : Kind::other;
        out.values.push_back(value_of(element));
        if (out.kind == Kind::other) break;
    }
    return out;
}

}  // namespace

std::vector<ConfigEntry> read_config(const std::filesystem::path& file) {
    const std::string text = base::read_text(file);
    std::vector<ConfigEntry> out;
    try {
        const toml::table document = toml::parse(text, file.string());
        for (const auto& [key, node] : document)
            out.push_back(entry_of(std::string(key.str()), node));
    } catch (const toml::parse_error& error) {
        throw UsageError(base::text(file.string(), ", line ", error.source().begin.line, ": ", error.description(),
                                    "; texts and addresses stand in quotes: hub = \"192.168.1.10\""));
    }
    return out;
}

}  // namespace shoal::cli
