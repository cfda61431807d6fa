#include "fake_hub.hpp"

#include <doctest/doctest.h>

#include "runtime/host_backend.hpp"
#include "wire/graph_codec.hpp"

namespace shoal::test {

using Lock = std::lock_guard<std::mutex>;
using Kind = transport::Event::Kind;

FakeHub::FakeHub(std::shared_ptr<transport::InProcessNetwork> network, Ways ways)
    : port_(transport::make_in_process_port(std::move(network))),
      backend_(runtime::make_host_backend()),
      ways_(std::move(ways)) {
    (void)port_->listen(kEndpoint);
    thread_ = std::thread([this] { run(); });
}

FakeHub::~FakeHub() {
    port_->post([this] { ending_ = true; });
    thread_.join();
}

void FakeHub::set(const Ways& ways) {
    const Lock lock(mutex_);
    ways_ = ways;
}

FakeHub::Seen FakeHub::seen() const {
    const Lock lock(mutex_);
    return seen_;
}

bool FakeHub::wait_for(const std::function<bool(const Seen&)>& condition) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return condition(seen_); });
}

void FakeHub::say(wire::Frames frames) {
    port_->post([this, frames] {
        for (const auto client : clients_)
            (void)port_->send(client, frames);
    });
}

void FakeHub::run() {
    while (!ending_) {
        const auto event = port_->wait(base::deadline_in(std::chrono::seconds(1)));
        if (!event || event->kind != Kind::message) continue;
        auto message = wire::decode_hub_from_client(event->frames);
        const Lock lock(mutex_);
        hear(event->peer, std::move(message));
        changed_.notify_all();
    }
}

void FakeHub::hear(PeerId peer, wire::HubFromClient message) {
    const auto send = [&](wire::Frames frames) { (void)port_->send(peer, std::move(frames)); };
    if (std::holds_alternative<wire::ClientHello>(message)) {
        ++seen_.hellos;
        clients_.push_back(peer);
        if (ways_.refuse_join)
            send(wire::encode(wire::Refused{0, ways_.refuse_join->code(), ways_.refuse_join->what()}));
        else if (ways_.greet)
            send(wire::encode(wire::Welcome{1, "fake", "1.2.3"}));
    } else if (auto* open = std::get_if<wire::OpenModel>(&message)) {
        ++seen_.opens;
        if (ways_.refuse_open)
            return send(wire::encode(wire::Refused{open->task, ways_.refuse_open->code(), ways_.refuse_open->what()}));
        if (open->plan_only) {
            plan::Cluster cluster{{{"a board", {}, 1}}, {}, {}};
            plan::set_link(cluster, 0, 1, {1e-3, 1e6, -1});
            return send(wire::encode(wire::Planned{open->task, {}, cluster}));
        }
        auto model = std::make_unique<Model>(Model{std::move(*open), peer});
        for (const auto& need : wire::blobs_of(model->opened.models[0].graph)) {
            model->missing.push_back(need.digest);
            model->blobs[need.digest];
        }
        models_.push_back(std::move(model));
        pull(*models_.back());
    } else if (const auto* blob = std::get_if<wire::Blob>(&message)) {
        seen_.weight_bytes += blob->bytes.size();
        for (const auto& model : models_) {
            if (model->client != peer || model->missing.empty() || model->missing.back() != blob->digest) continue;
            auto& bytes = model->blobs[blob->digest];
            bytes.insert(bytes.end(), blob->bytes.view().begin(), blob->bytes.view().end());
            if (bytes.size() == blob->total) model->missing.pop_back();
            pull(*model);
        }
    } else if (std::holds_alternative<wire::CloseModel>(message)) {
        ++seen_.closes;
    } else if (const auto* submit = std::get_if<wire::Submit>(&message)) {
        ++seen_.submits;
        seen_.requests.push_back(submit->request);
        if (ways_.hold) return held_.emplace_back(peer, *submit), void();
        if (ways_.busy > 0) {
            --ways_.busy;
            return send(wire::encode(wire::RequestFailed{submit->request, base::Code::busy, "full"}));
        }
        for (const auto& model : models_) {
            if (model->number != submit->model) continue;
            ++seen_.answers;
            const auto outputs = runtime::run_on_host_tensors(*backend_, *model->executable, submit->inputs);
            send(wire::encode(wire::Answer{submit->request, 1.5, 2.5, 1, outputs}));
        }
    } else if (std::holds_alternative<wire::CancelRequest>(message)) {
        ++seen_.cancels;
    } else if (std::holds_alternative<wire::StatusRequest>(message)) {
        wire::Status status;
        status.hub = "fake";
        if (ways_.greet) send(wire::encode(status));
    } else if (std::holds_alternative<wire::Goodbye>(message)) {
        ++seen_.goodbyes;
    }
}

void FakeHub::pull(Model& model) {
    if (model.missing.empty()) return finish(model);
    const auto& digest = model.missing.back();
    (void)port_->send(model.client, wire::encode(wire::OpenProgress{model.opened.task, "weights", 1, 2}));
    (void)port_->send(model.client, wire::encode(wire::BlobRequest{digest, model.blobs[digest].size(), ways_.piece}));
}

void FakeHub::finish(Model& model) {
    auto graph = model.opened.models[0].graph;
    for (auto& value : graph.values) {
        if (!value.constant || !model.blobs.contains(*value.constant->digest)) continue;
        value.constant->bytes = base::SharedBytes::copy_of(model.blobs.at(*value.constant->digest));
        CHECK(base::Digest::of(value.constant->bytes.view()) == *value.constant->digest);
    }
    model.executable = backend_->compile(graph);
    model.number = models_.size() + 100;
    if (ways_.hold_open) return;
    (void)port_->send(model.client, wire::encode(wire::Opened{model.opened.task, model.number, 3, {}, {"a board"}}));
}

}  // namespace shoal::test
