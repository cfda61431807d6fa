#include "node/preparation.hpp"

#include <algorithm>

#include "base/units.hpp"
#include "graph/liveness.hpp"
#include "wire/graph_codec.hpp"

namespace shoal::node {

using base::Code;

namespace {

constexpr std::chrono::seconds kReachPatience{10};  // for the boards behind it; their peers lists may be on their way

constexpr std::chrono::seconds kTellCompiling{5};
constexpr std::chrono::minutes kMostCompiling{10};

using Weights = std::map<base::Digest, std::shared_ptr<const Weight>>;

// What any device must keep of a graph at least, messages apart.
std::uint64_t least_bytes(const graph::Graph& graph) {
    std::uint64_t weights = 0;
    for (const auto& need : wire::blobs_of(graph))
        weights += need.size_bytes;
    return weights + graph::peak_live_bytes(graph);
}

graph::Graph bound(graph::Graph graph, const Weights& weights) {
    for (auto& value : graph.values) {
        if (!value.constant || !value.constant->digest) continue;
        const auto at = weights.find(*value.constant->digest);
        if (at == weights.end()) continue;  // nobody reads it
        if (at->second->bytes.size() != value.type.size_bytes()) {
            base::fail(Code::network, "constant '", value.name, "' is ", value.type, ", its weights have ",
                       at->second->bytes.size(), " bytes");
        }
        value.constant->bytes = at->second->bytes;
    }
    return graph;
}

}  // namespace

Preparation::Preparation(std::vector<Device>& devices, MemoryMeter& meter, Blobs& blobs, std::shared_ptr<Inbox> inbox,
                         Outbox& outbox, Callbacks callbacks)
    : devices_(devices),
      meter_(meter),
      blobs_(blobs),
      inbox_(std::move(inbox)),
      outbox_(outbox),
      callbacks_(std::move(callbacks)) {}

void Preparation::begin(Stage& stage) {
    if (stage.device >= devices_.size()) {
        const auto text = base::text(stage.name(), " is for device ", stage.device, " of ", devices_.size());
        return callbacks_.failed(stage.key, Code::invalid_argument, text);
    }
    stage.needed_bytes = least_bytes(stage.graph);
    stage.compiled = callbacks_.reusable(stage);
}

void Preparation::fetch(Stage& stage) {
    stage.is_fetching = true;
    const auto key = stage.key;
    const auto serial = stage.serial;
    Blobs::Asker asker;
    asker.found = [this, key, serial, begun = base::SteadyClock::now()](Blobs::Found weights) {
        Stage* found = callbacks_.find(key, serial);
        if (found == nullptr) return;
        found->weights = std::move(weights);
        found->fetched_s = base::to_ms(base::SteadyClock::now() - begun) / 1e3;
    };
    asker.failed = [this, key, serial](const Blobs::Failure& failure) {
        if (callbacks_.find(key, serial) != nullptr) callbacks_.failed(key, failure.code, failure.text);
    };
    asker.progress = [this, key, serial](std::uint64_t done, std::uint64_t total) {
        if (callbacks_.find(key, serial) != nullptr) progress(key, "weights", done, total);
    };
    blobs_.want(wire::blobs_of(stage.graph), std::move(asker));
}

void Preparation::step(Stage& stage, base::TimePoint now) {
    if (stage.phase == Stage::Phase::connecting) return connect(stage, now);
    if (stage.phase == Stage::Phase::compiling) return still_compiling(stage, now);
    if (stage.phase != Stage::Phase::waiting) return;
    if (!stage.compiled) stage.compiled = callbacks_.reusable(stage);
    if (stage.compiled) return reuse(stage, now);
    if (!find_room(stage)) return;
    if (!stage.is_fetching) fetch(stage);  // what arrives is within the room that was claimed
    if (stage.weights && devices_[stage.device].worker->has_room()) compile(stage, now);
}

// Compilers are slow on small boards; one that is silent for good hangs.
void Preparation::still_compiling(Stage& stage, base::TimePoint now) {
    if (now - stage.told < kTellCompiling || now - stage.since > kMostCompiling) return;
    stage.told = now;
    progress(stage.key, "compiling", 0, 1);
}

void Preparation::reuse(Stage& stage, base::TimePoint now) {
    stage.room.reset();
    const auto messages = stage.message_bytes;
    auto room = meter_.claim(messages);
    if (!room) {
        if (!callbacks_.may_get_room(stage)) callbacks_.failed(stage.key, Code::does_not_fit, misfit(stage, messages));
        return;
    }
    stage.message_room = std::move(*room);
    stage.graph = {};
    stage.was_reused = true;
    stage.phase = Stage::Phase::connecting;
    stage.since = now;
    connect(stage, now);
}

// Claims what the stage is known to need, before anything is spent.
bool Preparation::find_room(Stage& stage) {
    if (stage.room) return true;
    const auto wanted = stage.needed_bytes + stage.message_bytes;
    stage.room = meter_.claim(wanted);
    if (stage.room) return true;
    if (!callbacks_.may_get_room(stage)) callbacks_.failed(stage.key, Code::does_not_fit, misfit(stage, wanted));
    return false;
}

void Preparation::compile(Stage& stage, base::TimePoint now) {
    stage.phase = Stage::Phase::compiling;
    stage.since = stage.told = now;
    progress(stage.key, "compiling", 0, 1);
    const auto weights = std::make_shared<const Weights>(std::move(*stage.weights));
    stage.weights = *weights;  // for another attempt
    auto task = [this, inbox = inbox_, key = stage.key, serial = stage.serial, backend = devices_[stage.device].backend,
                 graph = stage.graph, digest = stage.digest, device = stage.device, weights]() mutable {
        auto result = std::make_shared<Compiled>();
        Code code = Code::internal;
        std::string why;
        const auto begun = base::SteadyClock::now();
        try {
            result->executable = backend->compile(bound(std::move(graph), *weights));
            result->memory = result->executable->memory();
            result->digest = digest;
            result->device = device;
            for (const auto& [unused, weight] : *weights)
                result->weights.push_back(weight);
        } catch (const base::Error& error) {
            code = error.code();
            why = error.what();
        } catch (const std::bad_alloc&) {
            code = Code::out_of_memory;
            why = "no memory for compiling";
        } catch (const std::exception& error) {
            why = error.what();
        }
        const double seconds = base::to_ms(base::SteadyClock::now() - begun) / 1e3;
        inbox->post([this, key, serial, result, code, why, seconds] {
            Stage* wanted = callbacks_.find(key, serial);
            if (wanted == nullptr) return;
            if (result->executable) return compiled(*wanted, result, seconds);
            callbacks_.failed(key, code, why);
        });
    };
    if (!devices_[stage.device].worker->submit(DeviceWorker::Kind::other, std::move(task)))
        stage.phase = Stage::Phase::waiting;
}

void Preparation::compiled(Stage& stage, std::shared_ptr<Compiled> result, double seconds) {
    // From here on what the device really took counts, and no longer what was expected.
    const auto& memory = result->memory;
    const auto ports = stage.input_bytes + stage.output_bytes;
    const auto base = memory.weights + memory.activations + (memory.results - std::min(memory.results, ports));
    stage.room.reset();
    auto room = meter_.claim(base);
    auto messages = room ? meter_.claim(stage.message_bytes) : std::nullopt;
    if (!messages) {
        room.reset();
        const auto why = misfit(stage, base + stage.message_bytes);
        if (!callbacks_.may_get_room(stage)) return callbacks_.failed(stage.key, Code::does_not_fit, why);
        stage.needed_bytes = base;
        stage.phase = Stage::Phase::waiting;
        return;
    }
    result->claim = std::move(*room);
    result->held = meter_.hold(base);
    stage.message_room = std::move(*messages);
    stage.compiled = std::move(result);
    stage.compiled_s = seconds;
    stage.graph = {};
    stage.weights.reset();
    stage.phase = Stage::Phase::connecting;
    stage.since = base::SteadyClock::now();
    connect(stage, stage.since);
}

void Preparation::connect(Stage& stage, base::TimePoint now) {
    bool all = true;
    std::string missing;
    for (const auto& consumer : stage.routes->consumers()) {
        if (outbox_.reach(consumer.board)) continue;
        all = false;
        missing = consumer.board;
    }
    if (all) {
        stage.phase = Stage::Phase::ready;
        stage.since = now;
        return callbacks_.ready(stage);
    }
    if (now - stage.since < kReachPatience) return;
    const auto why = base::text(stage.name(), " sends to '", missing, "', which cannot be reached");
    callbacks_.failed(stage.key, Code::unavailable, why);
}

void Preparation::progress(const StageKey& key, const char* phase, std::uint64_t done, std::uint64_t total) {
    outbox_.to_hub(wire::encode(wire::DeployProgress{key.deployment, key.epoch, key.stage, phase, done, total}));
}

std::string Preparation::misfit(const Stage& stage, std::uint64_t wanted) const {
    using base::format_bytes;
    return base::text(stage.name(), " needs ", format_bytes(wanted), " (", wanted, " bytes), messages for ",
                      stage.credits, " requests included; of this board's ", format_bytes(meter_.claimable()), ", ",
                      format_bytes(meter_.unclaimed()), " (", meter_.unclaimed(), " bytes) are free");
}

}  // namespace shoal::node
