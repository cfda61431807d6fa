#include "simulated_board.hpp"

#include <cstring>

#include "hub/layout.hpp"
#include "runtime/host_backend.hpp"
#include "wire/graph_codec.hpp"

namespace shoal::test {

using tensor::Tensor;

SimulatedBoard::SimulatedBoard(SimulatedBoardOptions options, Send send)
    : options_(std::move(options)),
      send_(std::move(send)),
      run_seconds_(options_.seconds_per_kernel),
      backend_(runtime::make_host_backend()) {}

void SimulatedBoard::join() {
    wire::Register info;
    info.software = "test";
    info.board = options_.name;
    info.boot = ++boot_;
    info.data_endpoint = "inproc://" + options_.name;
    info.memory_limit_bytes = options_.memory_bytes;
    for (int d = 0; d < options_.devices; ++d) {
        auto device = backend_->device();
        device.id = std::to_string(d);
        device.usable_bytes = options_.memory_bytes;
        info.devices.push_back(device);
    }
    send_("", encode(info));
}

void SimulatedBoard::forget_session() {
    session_ = 0;
    stages_.clear();
    compiled_.clear();
    asked_.clear();
    early_.clear();
    vain_probes_.clear();
}

void SimulatedBoard::heartbeat() {
    if (session_ == 0) return;
    for (auto& [task, beats] : vain_probes_) {
        if (--beats == 0) send_("", encode(wire::TaskFailed{task, base::Code::unavailable, "it cannot be reached"}));
    }
    std::erase_if(vain_probes_, [](const auto& probe) { return probe.second <= 0; });
    wire::Heartbeat message;
    message.session = session_;
    message.sequence = ++sequence_;
    message.memory_limit_bytes = options_.memory_bytes;
    message.devices.resize(static_cast<std::size_t>(options_.devices));
    message.devices[0].oldest_run_ms = hangs ? hung_ms : 0;
    for (const auto& [key, stage] : stages_)
        message.stages.push_back(stage.counters);
    message.links.push_back({"", 1, 2, 3, 4, 0, 0.5});
    send_("", encode(message));
}

void SimulatedBoard::from_hub(const wire::Frames& frames) {
    std::visit([&](const auto& message) { hear(message); }, wire::decode_board_from_hub(frames));
    run_stages();
}

void SimulatedBoard::from_board(const std::string& board, const wire::Frames& frames) {
    const auto said = wire::decode_board_from_board(frames);
    if (const auto* activation = std::get_if<wire::Activation>(&said)) hear(*activation);
    if (const auto* credit = std::get_if<wire::Credit>(&said)) hear(*credit, board);
    run_stages();
}

void SimulatedBoard::hear(const wire::Welcome& message) {
    session_ = message.session;
}

void SimulatedBoard::hear(const wire::MeasureKernels& message) {
    ++measured;
    if (!measures) return;
    wire::KernelCosts costs{message.task, {}};
    const auto kernels = graph::groups(message.graph);
    for (const auto group : message.groups) {
        std::uint64_t weights = 0;
        for (auto op = kernels.at(group).first; op < kernels[group].last; ++op) {
            for (const auto input : message.graph.ops[op].inputs) {
                if (input != graph::kNoValue && message.graph.is_constant(input))
                    weights += message.graph.type(input).size_bytes();
            }
        }
        costs.kernels.push_back({options_.seconds_per_kernel, weights, 0, true});
    }
    send_("", encode(costs));
}

void SimulatedBoard::hear(const wire::MeasureLink& message) {
    if (unreachable.count(message.peer) != 0) {
        vain_probes_.push_back({message.task, 13});  // somewhat more than three seconds
        return;
    }
    wire::LinkMeasured out{message.task, {}};
    for (const auto size : message.sizes)
        out.times.push_back({size, 2e-4 + static_cast<double>(size) / 1e8});
    send_("", encode(out));
}

void SimulatedBoard::hear(const wire::Probe& message) {
    send_("", encode(wire::ProbeEcho{message.task, message.sequence}));
}

void SimulatedBoard::hear(const wire::Deploy& message) {
    if (refuse_deploys > 0) {
        --refuse_deploys;
        send_("", encode(wire::DeployFailed{message.deployment, message.epoch, message.stage, refusal, "it says no"}));
        return;
    }
    for (const auto& route : message.outputs) {
        for (const auto& fan : route.fans) {
            for (const auto& to : fan.choices) {
                if (unreachable.count(to.board) == 0) continue;
                send_("", encode(wire::DeployFailed{message.deployment, message.epoch, message.stage,
                                                    base::Code::unavailable, "'" + to.board + "' is not reached"}));
                return;
            }
        }
    }
    Stage& stage = stages_[{message.deployment, message.epoch, message.stage}];
    stage.deploy = message;
    stage.counters.deployment = message.deployment;
    stage.counters.epoch = message.epoch;
    stage.counters.stage = message.stage;
    const auto early = std::move(early_);
    early_.clear();
    for (const auto& [from, credit] : early)
        hear(credit, from);
    for (const auto& need : wire::blobs_of(message.graph)) {
        if (blobs_.count(need.digest) != 0 || !asked_.insert(need.digest).second) continue;
        send_("", encode(wire::BlobRequest{need.digest, 0, wire::kMaxChunkBytes}));
    }
    make_ready();
}

void SimulatedBoard::hear(const wire::Blob& message) {
    if (message.bytes.size() == message.total && base::Digest::of(message.bytes.view()) == message.digest) {
        blobs_[message.digest] = message.bytes;
        ++blobs_fetched;
    }
    asked_.erase(message.digest);
    make_ready();
}

void SimulatedBoard::make_ready() {
    for (auto& [key, stage] : stages_) {
        if (stage.executable) continue;
        graph::Graph graph = stage.deploy.graph;
        bool whole = true;
        for (auto& value : graph.values) {
            if (!value.constant) continue;
            const auto at = blobs_.find(value.constant->digest.value());
            if (at != blobs_.end())
                value.constant->bytes = at->second;
            else
                whole = false;
        }
        if (!whole) continue;
        auto& compiled = compiled_[stage.deploy.digest];
        if (!compiled) {
            ++compiles;
            compiled = backend_->compile(std::move(graph));
        }
        stage.executable = compiled;
        const auto& deploy = stage.deploy;
        send_("", encode(wire::Ready{deploy.deployment, deploy.epoch, deploy.stage, 1, 2, 3, 0, 0}));
        std::set<std::pair<std::string, std::uint32_t>> senders;
        for (const auto& input : deploy.inputs) {
            for (const auto& source : input.sources)
                senders.insert({source.board, source.board.empty() ? 0 : source.stage});
        }
        if (deploy.inputs.empty()) senders.insert({"", 0});
        for (const auto& [board, sender] : senders)
            send_(board, encode(wire::Credit{deploy.deployment, deploy.epoch, deploy.stage, deploy.credits, sender}));
    }
}

void SimulatedBoard::hear(const wire::Undeploy& message) {
    std::erase_if(stages_, [&](const auto& entry) {
        return std::get<0>(entry.first) == message.deployment && std::get<1>(entry.first) <= message.epoch;
    });
    std::set<base::Digest> used;
    for (const auto& [key, stage] : stages_)
        used.insert(stage.deploy.digest);
    std::erase_if(compiled_, [&](const auto& entry) { return used.count(entry.first) == 0; });
}

void SimulatedBoard::hear(const wire::Credit& message, const std::string& from) {
    const auto at = stages_.find({message.deployment, message.epoch, message.sender});
    if (at != stages_.end())
        at->second.credits[{from, message.stage}] += message.count;
    else
        early_.push_back({from, message});  // the stage behind was ready before this one was deployed
}

void SimulatedBoard::hear(const wire::Activation& message) {
    const auto at = stages_.find({message.deployment, message.epoch, message.stage});
    if (at == stages_.end()) return;
    Stage& stage = at->second;
    Waiting& waiting = stage.waiting[message.request];
    waiting.turn = message.turn;
    if (waiting.inputs.empty()) {
        for (const auto& port : stage.deploy.graph.inputs) {
            waiting.inputs.emplace_back(stage.deploy.graph.type(port.value));
            waiting.missing.push_back(-1);
        }
    }
    wire::Source sender;
    for (const auto& part : message.parts) {
        const auto& source = stage.deploy.inputs.at(part.port).sources.at(part.source);
        sender = source;
        Tensor& input = waiting.inputs.at(part.port);
        auto& missing = waiting.missing[part.port];
        if (source.part.axis < 0) {
            input = part.tensor;
            missing = 0;
            continue;
        }
        if (missing < 0) missing = input.shape()[0];
        missing -= source.part.end - source.part.begin;
        const auto row = input.bytes().size() / static_cast<std::size_t>(input.shape()[0]);
        std::memcpy(input.edit().data() + static_cast<std::size_t>(source.part.begin) * row, part.tensor.bytes().data(),
                    part.tensor.bytes().size());
    }
    waiting.senders.push_back(sender);
    for (const auto missing : waiting.missing) {
        if (missing != 0) return;
    }
    stage.complete.push_back(message.request);
}

void SimulatedBoard::hear(const wire::Cancel& message) {
    for (auto& [key, stage] : stages_) {
        if (std::get<0>(key) != message.deployment) continue;
        const auto at = stage.waiting.find(message.request);
        if (at == stage.waiting.end()) continue;
        give_back(stage, at->second);
        stage.waiting.erase(at);
        std::erase(stage.complete, message.request);
    }
}

void SimulatedBoard::give_back(Stage& stage, const Waiting& waiting) {
    for (const auto& sender : waiting.senders)
        send_(sender.board, encode(wire::Credit{stage.deploy.deployment, stage.deploy.epoch, stage.deploy.stage, 1,
                                                sender.board.empty() ? 0 : sender.stage}));
}

void SimulatedBoard::run_stages() {
    if (hangs) return;
    for (auto& [key, stage] : stages_) {
        while (!stage.complete.empty() && run_one(stage, stage.complete.front()))
            stage.complete.erase(stage.complete.begin());
    }
}

// False when a stage behind has no room.
bool SimulatedBoard::run_one(Stage& stage, std::uint64_t request) {
    const auto& deploy = stage.deploy;
    Waiting& waiting = stage.waiting.at(request);
    std::set<std::pair<std::string, std::uint32_t>> targets;
    for (const auto& route : deploy.outputs) {
        for (const auto& fan : route.fans) {
            const auto& to = fan.choices.at(wire::choose_replica(fan.shares, waiting.turn));
            if (!to.board.empty()) targets.insert({to.board, to.stage});
        }
    }
    for (const auto& target : targets) {
        if (stage.credits[target] == 0) return false;
    }
    for (const auto& target : targets)
        --stage.credits[target];
    const Waiting taken = std::move(waiting);
    stage.waiting.erase(request);
    ++runs;
    ++stage.counters.runs;
    stage.counters.computed_s += run_seconds_ * static_cast<double>(graph::groups(deploy.graph).size());
    give_back(stage, taken);
    if (stage_errors > 0) {
        --stage_errors;
        send_("", encode(wire::StageError{deploy.deployment, request, deploy.epoch, deploy.stage, stage_error,
                                          "clFinish: -36"}));
        for (const auto& target : targets)
            ++stage.credits[target];
        return true;
    }
    const auto outputs = runtime::run_on_host_tensors(*backend_, *stage.executable, taken.inputs);
    std::map<std::pair<std::string, std::uint32_t>, std::vector<wire::Part>> sent;
    for (std::uint32_t port = 0; port < outputs.size(); ++port) {
        for (const auto& fan : deploy.outputs[port].fans) {
            const auto& to = fan.choices.at(wire::choose_replica(fan.shares, taken.turn));
            sent[{to.board, to.stage}].push_back({to.port, to.source, hub::take(outputs[port], to.part)});
        }
    }
    for (const auto& [to, parts] : sent) {
        if (to.first.empty())
            send_("", encode(wire::Result{deploy.deployment, request, deploy.epoch, deploy.stage, 1, 2, parts}));
        else
            send_(to.first, encode(wire::Activation{deploy.deployment, request, deploy.epoch, to.second, taken.turn,
                                                    1000, parts}));
    }
    return true;
}

}  // namespace shoal::test
