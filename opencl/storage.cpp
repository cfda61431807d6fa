#include "opencl/storage.hpp"

#include <algorithm>
#include <limits>

#include "graph/liveness.hpp"

namespace shoal::opencl {
namespace {

constexpr std::uint32_t kNever = std::numeric_limits<std::uint32_t>::max();

struct Span {
    std::uint32_t first = kNever, last = 0;
    void touch(std::uint32_t step) {
        first = std::min(first, step);
        last = std::max(last, step);
    }
};

class Planner {
public:
    Planner(const Graph& graph, const Emission& emission)
        : graph_(graph), emission_(emission), spans_(graph.values.size()) {
        out_.places.resize(graph.values.size());
        for (ValueId id = 0; id < graph.values.size(); ++id)
            out_.roots.push_back(root(id));
    }

    Storage run(std::uint64_t alignment) {
        for (std::size_t i = 0; i < graph_.inputs.size(); ++i)
            out_.places[graph_.inputs[i].value] = {Place::Kind::input, i, 0};
        walk();
        place_results();
        place_in_arena(alignment);
        for (ValueId id = 0; id < graph_.values.size(); ++id)
            out_.places[id] = out_.places[out_.roots[id]];
        return std::move(out_);
    }

private:
    [[nodiscard]] ValueId root(ValueId id) const {
        for (auto at = emission_.aliases.find(id); at != emission_.aliases.end(); at = emission_.aliases.find(id))
            id = at->second;
        return id;
    }

    void walk() {
        for (std::uint32_t g = 0; g < emission_.groups.size(); ++g) {
            for (const Launch& launch : emission_.groups[g].launches) {
                for (const auto& argument : launch.arguments) {
                    if (const auto* buffer = std::get_if<BufferArgument>(&argument)) touch(buffer->value, g);
                }
            }
        }
    }
    void touch(ValueId id, std::uint32_t group) {
        const ValueId own = out_.roots[id];
        spans_[own].touch(group);
        if (graph_.is_constant(own)) need_constant(own);
    }
    void need_constant(ValueId id) {
        Place& place = out_.places[id];
        if (place.kind != Place::Kind::none) return;
        place = {Place::Kind::constant, out_.constants.size(), 0};
        out_.constants.push_back(id);
    }

    void place_results() {
        for (const auto& port : graph_.outputs) {
            const ValueId own = out_.roots[port.value];
            if (graph_.is_constant(own)) need_constant(own);
            Place& place = out_.places[own];
            if (place.kind != Place::Kind::none) continue;
            place = {Place::Kind::result, out_.results.size(), 0};
            out_.results.push_back(own);
        }
    }

    void place_in_arena(std::uint64_t alignment) {
        std::vector<graph::Lifetime> lifetimes;
        std::vector<ValueId> owners;
        for (ValueId id = 0; id < graph_.values.size(); ++id) {
            if (spans_[id].first == kNever || out_.places[id].kind != Place::Kind::none) continue;
            lifetimes.push_back(
                {std::max<std::uint64_t>(graph_.type(id).size_bytes(), 1), spans_[id].first, spans_[id].last});
            owners.push_back(id);
        }
        for (std::uint32_t g = 0; g < emission_.groups.size(); ++g) {
            for (const auto bytes : emission_.groups[g].workspaces)
                lifetimes.push_back({bytes, g, g});
        }
        const auto packing = graph::pack(lifetimes, alignment);
        for (std::size_t i = 0; i < owners.size(); ++i)
            out_.places[owners[i]] = {Place::Kind::arena, 0, packing.offsets[i]};
        std::size_t next = owners.size();
        for (const GroupCode& group : emission_.groups) {
            auto& offsets = out_.workspaces.emplace_back();
            for (std::size_t k = 0; k < group.workspaces.size(); ++k)
                offsets.push_back(packing.offsets[next++]);
        }
        out_.arena_bytes = packing.total;
    }

    const Graph& graph_;
    const Emission& emission_;
    std::vector<Span> spans_;
    Storage out_;
};

}  // namespace

Storage plan_storage(const Graph& graph, const Emission& emission, std::uint64_t alignment) {
    return Planner(graph, emission).run(alignment);
}

}  // namespace shoal::opencl
