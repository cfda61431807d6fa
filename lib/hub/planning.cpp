#include "hub/planning.hpp"

#include <algorithm>
#include <charconv>

#include "wire/graph_codec.hpp"

namespace shoal::hub {

using base::Code;
using base::fail;
using plan::Merge;

namespace {

constexpr plan::Mode kModes[] = {plan::Mode::best,     plan::Mode::single_board, plan::Mode::equal_split,
                                 plan::Mode::pipeline, plan::Mode::replicas,     plan::Mode::batch};

plan::Mode mode_named(const std::string& value) {
    for (const auto mode : kModes) {
        if (plan::name(mode) == value) return mode;
    }
    fail(Code::invalid_argument, "there is no plan.mode '", value, "'");
}

std::uint32_t number_of(const wire::Named& setting) {
    std::uint32_t out = 0;
    const char* end = setting.value.data() + setting.value.size();
    const auto [rest, error] = std::from_chars(setting.value.data(), end, out);
    if (error != std::errc{} || rest != end)
        fail(Code::invalid_argument, "the setting ", setting.name, " is '", setting.value, "', not a number");
    return out;
}

plan::Options options_of(const OpenSpec& spec) {
    plan::Options options;
    if (spec.merge != Merge::hand_over) options.merge = spec.merge;
    options.weights = spec.weights;
    if (spec.replicas > 1) options.mode = plan::Mode::replicas;
    for (const auto& setting : spec.settings) {
        if (setting.name == "plan.mode") options.mode = mode_named(setting.value);
        if (setting.name == "plan.stages") options.stages = number_of(setting);
        if (setting.name == "plan.credits") options.max_credits = std::max(number_of(setting), std::uint32_t{1});
    }
    return options;
}

bool same_ends(const graph::Graph& a, const graph::Graph& b) {
    const auto alike = [&](const std::vector<graph::Port>& left, const std::vector<graph::Port>& right) {
        return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                          [&](const auto& x, const auto& y) { return a.type(x.value) == b.type(y.value); });
    };
    return alike(a.inputs, b.inputs) && alike(a.outputs, b.outputs);
}

}  // namespace

OpenSpec open_spec(wire::OpenModel message) {
    if (message.models.empty()) fail(Code::invalid_argument, "no model to open");
    OpenSpec out;
    for (auto& model : message.models) {
        const auto digest = wire::digest_of(model.graph);
        if (digest != model.digest)
            fail(Code::invalid_argument, "the digest of model '", model.graph.name, "' is ", digest.brief(),
                 "; the client says ", model.digest.brief());
        if (!out.graphs.empty() && !same_ends(*out.graphs[0].graph, model.graph))
            fail(Code::invalid_argument, "the models '", out.graphs[0].graph->name, "' and '", model.graph.name,
                 "' have other inputs or outputs; an ensemble needs equal ones");
        out.graphs.push_back({std::make_shared<const graph::Graph>(std::move(model.graph)), digest});
    }
    if (out.graphs.size() > 1 && message.merge == Merge::hand_over)
        fail(Code::invalid_argument, "an ensemble needs to know how its answers become one (merge)");
    out.objective = message.objective;
    out.merge = message.merge;
    out.weights = std::move(message.weights);
    out.replicas = message.replicas;
    out.settings = std::move(message.settings);
    (void)options_of(out);
    return out;
}

base::Digest identity_of(const OpenSpec& spec) {
    base::DigestBuilder builder;
    for (const auto& graph : spec.graphs)
        builder.add(std::as_bytes(std::span(graph.digest.bytes)));
    builder.add(
        base::text("|", static_cast<int>(spec.objective), "|", static_cast<int>(spec.merge), "|", spec.replicas));
    builder.add(std::as_bytes(std::span(spec.weights)));
    for (const auto& setting : spec.settings)
        builder.add(base::text("|", setting.name.size(), " ", setting.name, setting.value.size(), " ", setting.value));
    return builder.finish();
}

bool ClusterView::holds(const plan::Plan& plan, const Membership& membership) const {
    const auto lost = gone(membership);
    const auto works = plan::leaves(plan.root);
    return std::none_of(works.begin(), works.end(), [&](const plan::Work& work) {
        return std::find(lost.begin(), lost.end(), work.board) != lost.end();
    });
}

std::vector<std::uint32_t> ClusterView::gone(const Membership& membership) const {
    std::vector<std::uint32_t> out;
    for (std::uint32_t i = 0; i < places.size(); ++i) {
        const Member* member = membership.find(places[i].board);
        if (member == nullptr || !member->usable() || member->session != sessions[i]) out.push_back(i);
    }
    return out;
}

MemoryByPlace room_for(const Membership& membership, const MemoryByPlace& taken, const Restrictions& restrictions) {
    MemoryByPlace out;
    for (const auto& [name, member] : membership.members()) {
        if (!member.usable()) continue;
        const auto excluded = restrictions.excluded.find(name);
        if (excluded != restrictions.excluded.end() && excluded->second == member.session) continue;
        const auto& devices = member.info.devices;
        const auto weight = [&](std::size_t d) {
            return static_cast<double>(std::max<std::uint64_t>(devices[d].usable_bytes, 1));
        };
        double weights = 0;
        for (std::size_t d = 0; d < devices.size(); ++d)
            weights += weight(d);
        for (std::uint32_t d = 0; d < devices.size(); ++d) {
            // Devices of one board divide its memory by what each of them can use.
            auto memory = member.info.memory_limit_bytes;
            if (devices.size() > 1)
                memory = static_cast<std::uint64_t>(static_cast<double>(memory) * (weight(d) / weights));
            if (devices[d].usable_bytes != 0) memory = std::min(memory, devices[d].usable_bytes);
            const Seat seat{name, d};
            if (const auto at = taken.find(seat); at != taken.end()) memory -= std::min(memory, at->second);
            if (const auto at = restrictions.allowance.find(seat); at != restrictions.allowance.end())
                memory = std::min(memory, at->second);
            if (memory > 0) out[seat] = memory;
        }
    }
    return out;
}

bool fits(const plan::Plan& plan, const std::vector<Place>& places, const MemoryByPlace& room) {
    const auto needed = memory_of(plan, places);
    return std::all_of(needed.begin(), needed.end(), [&](const auto& need) {
        const auto at = room.find(need.first);
        return at != room.end() && need.second <= at->second;
    });
}

namespace {

// From one device of a board to another: the bytes are read and written, and the device is begun anew. What was not
// measured costs nothing.
plan::Link hand_over(const device::DeviceInfo& from, const device::DeviceInfo& to) {
    double seconds_per_byte = 0;
    for (const auto* device : {&from, &to}) {
        if (device->rates.bytes_per_s > 0) seconds_per_byte += 1 / device->rates.bytes_per_s;
    }
    return {to.rates.round_trip_s, seconds_per_byte > 0 ? 1 / seconds_per_byte : 0, -1};
}

}  // namespace

ClusterView view_of(const Membership& membership, const Links& links, const MemoryByPlace& taken,
                    const Restrictions& restrictions) {
    ClusterView view;
    for (const auto& [seat, memory] : room_for(membership, taken, restrictions)) {
        const Member& member = *membership.find(seat.board);
        const auto& devices = member.info.devices;
        const std::string label = devices.size() == 1 ? seat.board : device_label(seat.board, devices[seat.device]);
        view.cluster.boards.push_back({label, devices[seat.device], memory});
        view.places.push_back({seat.board, seat.device, memory});
        view.sessions.push_back(member.session);
    }
    const std::size_t ends = view.places.size() + 1;
    const auto end_board = [&](std::size_t end) { return end == 0 ? std::string() : view.places[end - 1].board; };
    view.cluster.links.assign(ends, std::vector<plan::Link>(ends));
    for (std::size_t from = 0; from < ends; ++from) {
        for (std::size_t to = 0; to < ends; ++to) {
            if (from == to) continue;
            const bool same_board = from != 0 && to != 0 && end_board(from) == end_board(to);
            view.cluster.links[from][to] =
                same_board ? hand_over(view.cluster.boards[from - 1].device, view.cluster.boards[to - 1].device)
                           : links.between(end_board(from), end_board(to));
        }
    }
    return view;
}

plan::Problem problem_of(const OpenSpec& spec, ClusterView& view, const Measuring& measuring) {
    plan::Problem problem;
    problem.cluster = view.cluster;
    problem.objective = spec.objective;
    problem.options = options_of(spec);
    std::vector<plan::MeasuredKernels> measured;
    view.scales.clear();
    for (const Place& place : view.places) {
        const Seat seat{place.board, place.device};
        measured.push_back(measuring.known(seat));
        view.scales.push_back(measuring.scale(seat));
    }
    for (const auto& graph : spec.graphs)
        problem.models.push_back({graph.graph, plan::cost_table(*graph.graph, view.cluster, measured)});
    return problem;
}

MemoryByPlace memory_of(const plan::Plan& plan, const std::vector<Place>& places) {
    MemoryByPlace out;
    for (const auto& stage : plan.prediction.stages) {
        if (stage.work.board >= places.size()) continue;
        const Place& place = places[stage.work.board];
        out[{place.board, place.device}] += stage.memory_bytes;
    }
    return out;
}

std::vector<std::string> board_names(const ClusterView& view) {
    std::vector<std::string> out;
    for (const auto& board : view.cluster.boards)
        out.push_back(board.name);
    return out;
}

}  // namespace shoal::hub
