#include "hub/catalogue.hpp"

#include <algorithm>

namespace shoal::hub {

std::string Model::name() const {
    std::string out;
    for (const auto& graph : spec.graphs)
        out += (out.empty() ? "" : " + ") + (graph.graph->name.empty() ? "a model" : graph.graph->name);
    return out;
}

Deployment* Model::of_epoch(std::uint32_t wanted_epoch) const {
    if (deployment && deployment->epoch() == wanted_epoch) return deployment.get();
    return next && next->epoch() == wanted_epoch ? next.get() : nullptr;
}

Model& Catalogue::enter(OpenSpec spec, bool plan_only, TimePoint now) {
    const auto identity = identity_of(spec);
    if (!plan_only) {
        for (auto& [number, model] : models_) {
            if (model.identity == identity && !model.plan_only) return model;
        }
    }
    const std::uint64_t number = next_++;
    Model& model = models_[number];
    model.number = number;
    model.identity = identity;
    model.plan_only = plan_only;
    model.last_used = model.phase_since = now;
    std::set<base::Digest> seen;
    for (const auto& graph : spec.graphs) {
        for (const auto& blob : wire::blobs_of(*graph.graph)) {
            if (seen.insert(blob.digest).second) model.blobs.push_back(blob);
        }
    }
    model.spec = std::move(spec);
    return model;
}

Model* Catalogue::find(std::uint64_t number) {
    const auto at = models_.find(number);
    return at != models_.end() ? &at->second : nullptr;
}

void Catalogue::remove(std::uint64_t number) {
    models_.erase(number);
}

MemoryByPlace Catalogue::taken_by_others(std::uint64_t number) const {
    MemoryByPlace out;
    for (const auto& [other, model] : models_) {
        if (other == number) continue;
        for (const auto* deployment : {model.deployment.get(), model.next.get()}) {
            if (deployment == nullptr) continue;
            for (const auto& [seat, bytes] : memory_of(deployment->plan(), deployment->view().places))
                out[seat] += bytes;
        }
    }
    return out;
}

Model* Catalogue::longest_idle(std::uint64_t except) {
    Model* out = nullptr;
    for (auto& [number, model] : models_) {
        if (number == except || model.wanted() || !model.deployment) continue;
        if (out == nullptr || model.last_used < out->last_used) out = &model;
    }
    return out;
}

}  // namespace shoal::hub
