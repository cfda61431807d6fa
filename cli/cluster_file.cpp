#include "cli/cluster_file.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/units.hpp"
#include "cli/suggest.hpp"
#include "cli/text.hpp"

namespace shoal::cli {
namespace {

using base::Code;
using base::fail;
using base::text;
using nlohmann::json;
using plan::Cluster;
using plan::Link;

constexpr double kGiga = 1e9, kMega = 1e6, kMicro = 1e-6, kMilli = 1e-3;

// An object whose fields are taken one by one; what is left over is a mistake.
class Fields {
public:
    Fields(const json& object, std::string where) : object_(object), where_(std::move(where)) {
        if (!object.is_object())
            fail(Code::invalid_argument, where_, " is not an object {...} but ", object.type_name());
    }

    [[nodiscard]] const json* find(const std::string& name) {
        known_.push_back(name);
        const auto at = object_.find(name);
        return at == object_.end() ? nullptr : &*at;
    }
    [[nodiscard]] const json& need(const std::string& name) {
        const json* const value = find(name);
        if (value == nullptr) {
            for (const auto& [other, unused] : object_.items()) {
                const auto near = did_you_mean(other, {name});
                if (!near.empty())
                    fail(Code::invalid_argument, where_, " has an unknown field '", other, "'", near);
            }
            fail(Code::invalid_argument, where_, " has no '", name, "'");
        }
        return *value;
    }
    [[nodiscard]] std::string word(const std::string& name) {
        const json& value = need(name);
        if (!value.is_string()) wrong(name, "a text", value);
        return value.get<std::string>();
    }
    [[nodiscard]] double number(const std::string& name, double absent) {
        const json* const value = find(name);
        if (value == nullptr) return absent;
        if (!value->is_number() || value->get<double>() < 0) wrong(name, "a number of 0 or more", *value);
        return value->get<double>();
    }
    // Bytes, or a text like "64MiB".
    [[nodiscard]] std::uint64_t bytes(const std::string& name) {
        const json& value = need(name);
        if (value.is_number_unsigned()) return value.get<std::uint64_t>();
        if (!value.is_string()) wrong(name, "a size like \"64MiB\"", value);
        try {
            return base::parse_bytes(value.get<std::string>());
        } catch (const base::Error& error) {
            fail(Code::invalid_argument, where_, ": ", name, ": ", error.what());
        }
    }
    void end() const {
        for (const auto& [name, value] : object_.items()) {
            if (std::find(known_.begin(), known_.end(), name) == known_.end())
                fail(Code::invalid_argument, where_, " has an unknown field '", name, "'", did_you_mean(name, known_));
        }
    }
    [[noreturn]] void wrong(const std::string& name, const char* wanted, const json& value) const {
        fail(Code::invalid_argument, where_, ": ", name, " must be ", wanted, ", not ", value.dump().substr(0, 40));
    }

private:
    const json& object_;
    std::string where_;
    std::vector<std::string> known_;
};

device::Kind kind_of(const std::string& word, const std::string& where) {
    using device::Kind;
    std::vector<std::string> known;
    for (const auto kind : {Kind::cpu, Kind::gpu, Kind::accelerator, Kind::custom, Kind::host}) {
        known.emplace_back(device::name(kind));
        std::string lower = known.back();
        std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
        if (word == known.back() || word == lower) return kind;
    }
    fail(Code::invalid_argument, where, ": kind '", word, "' is none of ", joined(known), did_you_mean(word, known));
}

plan::Board board_of(const json& object, std::size_t index) {
    Fields fields(object, text("board ", index + 1));
    plan::Board out;
    out.name = fields.word("name");
    const std::string where = "board '" + out.name + "'";
    Fields named(object, where);
    (void)named.find("name");
    out.memory_bytes = named.bytes("memory");
    auto& device = out.device;
    device.id = "0.0";
    device.name = named.find("device") == nullptr ? out.name : named.word("device");
    device.kind = named.find("kind") == nullptr ? device::Kind::cpu : kind_of(named.word("kind"), where);
    device.compute_units = static_cast<int>(std::min(named.number("compute_units", 1), 1e6));
    device.buffer_alignment =
        static_cast<std::uint32_t>(std::clamp(named.number("buffer_alignment", 128), 1.0, 65536.0));
    device.global_bytes = device.usable_bytes = device.largest_allocation = out.memory_bytes;
    device.rates.flops_per_s = named.number("gflops", 0) * kGiga;
    device.rates.bytes_per_s = named.number("gb_per_s", 0) * kGiga;
    device.rates.launch_s = named.number("launch_us", 0) * kMicro;
    device.rates.round_trip_s = named.number("round_trip_us", 0) * kMicro;
    named.end();
    return out;
}

Link link_of(Fields& fields) {
    Link out;
    out.latency_s = fields.number("latency_ms", 0) * kMilli;
    out.bytes_per_s = fields.number("mb_per_s", 0) * kMega;
    if (const json* const medium = fields.find("medium")) {
        if (!medium->is_number_integer()) fields.wrong("medium", "a whole number", *medium);
        out.medium = medium->get<int>();
    }
    return out;
}

std::size_t end_of(const Cluster& cluster, const std::string& name, const std::string& where) {
    if (name == "hub") return 0;
    std::vector<std::string> names{"hub"};
    for (std::size_t i = 0; i < cluster.boards.size(); ++i) {
        if (cluster.boards[i].name == name) return i + 1;
        names.push_back(cluster.boards[i].name);
    }
    fail(Code::invalid_argument, where, ": no board is called '", name, "'", did_you_mean(name, names));
}

void add_links(const json& list, Cluster& cluster) {
    if (!list.is_array()) fail(Code::invalid_argument, "links is not a list [...] but ", list.type_name());
    const std::size_t ends = cluster.boards.size() + 1;
    cluster.links.assign(ends, std::vector<Link>(ends, cluster.default_link));
    for (std::size_t i = 0; i < ends; ++i)
        cluster.links[i][i] = {};
    for (std::size_t i = 0; i < list.size(); ++i) {
        const std::string where = text("link ", i + 1);
        Fields fields(list[i], where);
        const auto from = end_of(cluster, fields.word("from"), where), to = end_of(cluster, fields.word("to"), where);
        if (from == to) fail(Code::invalid_argument, where, " goes from a board to itself");
        const json* const one_way = fields.find("one_way");
        if (one_way != nullptr && !one_way->is_boolean()) fields.wrong("one_way", "true or false", *one_way);
        const Link link = link_of(fields);
        fields.end();
        cluster.links[from][to] = link;
        if (one_way == nullptr || !one_way->get<bool>()) cluster.links[to][from] = link;
    }
}

nlohmann::ordered_json link_json(const Link& link) {
    nlohmann::ordered_json out{{"latency_ms", link.latency_s / kMilli}, {"mb_per_s", link.bytes_per_s / kMega}};
    if (link.medium >= 0) out["medium"] = link.medium;
    return out;
}

}  // namespace

Cluster cluster_of(const json& document) {
    Fields fields(document, "the cluster");
    const json& boards = fields.need("boards");
    if (!boards.is_array()) fields.wrong("boards", "a list", boards);
    Cluster out;
    for (std::size_t i = 0; i < boards.size(); ++i)
        out.boards.push_back(board_of(boards[i], i));
    if (const json* const link = fields.find("default_link")) {
        Fields own(*link, "default_link");
        out.default_link = link_of(own);
        own.end();
    }
    if (const json* const links = fields.find("links")) add_links(*links, out);
    fields.end();
    plan::validate(out);
    return out;
}

Cluster read_cluster(const std::filesystem::path& file) {
    const std::string content = base::read_text(file);
    try {
        return cluster_of(json::parse(content));
    } catch (const json::exception& error) {
        fail(Code::invalid_argument, file.string(), ": ", error.what());
    } catch (const base::Error& error) {
        fail(error.code(), file.string(), ": ", error.what());
    }
}

nlohmann::ordered_json cluster_json(const Cluster& cluster) {
    using Json = nlohmann::ordered_json;
    Json out{{"boards", Json::array()}, {"default_link", link_json(cluster.default_link)}};
    for (const auto& board : cluster.boards) {
        const auto& rates = board.device.rates;
        out["boards"].push_back({{"name", board.name},
                                 {"device", board.device.name},
                                 {"kind", device::name(board.device.kind)},
                                 {"compute_units", board.device.compute_units},
                                 {"buffer_alignment", board.device.buffer_alignment},
                                 {"memory", board.memory_bytes},
                                 {"gflops", rates.flops_per_s / kGiga},
                                 {"gb_per_s", rates.bytes_per_s / kGiga},
                                 {"launch_us", rates.launch_s / kMicro},
                                 {"round_trip_us", rates.round_trip_s / kMicro}});
    }
    if (cluster.links.empty()) return out;
    out["links"] = Json::array();
    for (std::size_t from = 0; from < cluster.links.size(); ++from) {
        for (std::size_t to = 0; to < cluster.links.size(); ++to) {
            if (from == to) continue;
            Json link{{"from", plan::end_name(cluster, from)}, {"to", plan::end_name(cluster, to)}, {"one_way", true}};
            link.update(link_json(cluster.links[from][to]));
            out["links"].push_back(std::move(link));
        }
    }
    return out;
}

}  // namespace shoal::cli
