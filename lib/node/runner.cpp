#include "node/runner.hpp"

#include <algorithm>

namespace shoal::node {

using base::Code;

namespace {

// All that a device's thread needs, so that it touches nothing of the node.
struct Job {
    StageKey key{};
    std::uint64_t serial = 0, run = 0;
    Inputs inputs{};
    MemoryMeter::Share outputs_held{};
    std::vector<tensor::Type> types{};
    std::vector<graph::Merge> merges{};
    std::shared_ptr<runtime::Backend> backend{};
    std::shared_ptr<Compiled> compiled{};
    std::shared_ptr<const RouteTable> routes{};
    runtime::Cancellation cancellation{};
    std::vector<std::size_t> chosen{};
};

double seconds(base::Duration duration) {
    return base::to_ms(duration) / 1e3;
}

std::vector<tensor::Tensor> results(Job& job) {
    const runtime::RunOptions options{job.inputs.deadline, job.cancellation};
    runtime::check_still_wanted(options);
    std::vector<runtime::BufferPtr> buffers;
    for (std::size_t i = 0; i < job.types.size(); ++i)
        buffers.push_back(
            job.backend->upload(merged(job.types[i], job.merges[i], std::move(job.inputs.ports[i])), options));
    std::vector<tensor::Tensor> out;
    for (const auto& buffer : job.compiled->executable->run(buffers, options))
        out.push_back(buffer->read(options));
    return out;
}

Outcome perform(Job& job) {
    Outcome out;
    out.key = job.key;
    out.serial = job.serial;
    out.run = job.run;
    out.request = job.inputs.request;
    out.held = std::move(job.outputs_held);
    out.turn = job.inputs.turn;
    out.deadline = job.inputs.deadline;
    out.chosen = job.chosen;
    const auto begun = base::SteadyClock::now();
    out.queued_s = seconds(begun - job.inputs.complete_since);
    const auto fail = [&](Code code, const std::string& text) {
        out.failed = true;
        out.code = code;
        out.text = text;
    };
    try {
        out.deliveries = job.routes->cut(job.inputs.turn, results(job));
    } catch (const base::Error& error) {
        fail(error.code(), error.what());
    } catch (const std::bad_alloc&) {
        fail(Code::out_of_memory, "no memory for a run");
    } catch (const std::exception& error) {
        fail(Code::internal, error.what());
    }
    out.computed_s = seconds(base::SteadyClock::now() - begun);
    return out;
}

}  // namespace

Runner::Runner(std::vector<Device>& devices, MemoryMeter& meter, std::shared_ptr<Inbox> inbox,
               std::function<void(Outcome)> done)
    : devices_(devices), meter_(meter), inbox_(std::move(inbox)), done_(std::move(done)) {}

bool Runner::start_runs(std::uint32_t device, const std::vector<Stage*>& stages) {
    bool starved = false;
    while (devices_[device].worker->has_room()) {
        Stage* next = nullptr;
        for (Stage* stage : stages) {
            if (stage->complete.empty()) continue;
            const Inputs& first = stage->complete.front();
            if (next != nullptr && next->complete.front().complete_since <= first.complete_since) continue;
            if (!stage->consumers.have_room(stage->routes->chosen(first.turn))) continue;
            if (!has_memory(*stage)) {
                starved = true;
                continue;
            }
            next = stage;
        }
        if (next == nullptr) break;
        start(*next);
    }
    return starved;
}

// Stages have room for the messages that credits let in; results that the hub or the network is slow to take have not.
bool Runner::has_memory(const Stage& stage) const {
    return meter_.used() + stage.output_bytes <= meter_.limit() || (stage.running.empty() && meter_.unsent() == 0);
}

void Runner::start(Stage& stage) {
    Job job;
    job.key = stage.key;
    job.inputs = std::move(stage.complete.front());
    stage.complete.pop_front();
    for (std::size_t i = 0; i < job.inputs.ports.size(); ++i) {
        job.types.push_back(stage.inputs.type(i));
        job.merges.push_back(stage.inputs.route(i).merge);
    }
    job.backend = devices_[stage.device].backend;
    job.compiled = stage.compiled;
    job.routes = stage.routes;
    job.chosen = stage.routes->chosen(job.inputs.turn);
    stage.consumers.take(job.chosen);
    job.serial = stage.serial;
    job.run = ++stage.last_run;
    job.outputs_held = meter_.hold(stage.output_bytes);
    stage.running[job.run] = {job.inputs.request, job.cancellation, job.inputs.senders};

    const auto shared = std::make_shared<Job>(std::move(job));
    auto task = [this, inbox = inbox_, shared] {
        auto outcome = std::make_shared<Outcome>(perform(*shared));
        *shared = {};  // inputs are gone before their credits go back
        inbox->post([this, outcome] { done_(std::move(*outcome)); });
    };
    // There is room: only this thread submits.
    static_cast<void>(devices_[stage.device].worker->submit(DeviceWorker::Kind::run, std::move(task)));
}

}  // namespace shoal::node
