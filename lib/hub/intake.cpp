#include "hub/intake.hpp"

#include <algorithm>

namespace shoal::hub {
namespace {

constexpr std::uint64_t kWindow = 4 * wire::kChunkBytes;  // asked for and not yet kept

constexpr std::chrono::seconds kPatience{60};  // without a piece that was asked for; slow links take long for one

base::Error error_of(const std::exception& error) {
    const auto* ours = dynamic_cast<const base::Error*>(&error);
    return ours != nullptr ? *ours : base::Error(base::Code::internal, base::text("keeping weights: ", error.what()));
}

}  // namespace

void Intake::want(std::uint64_t model, PeerId client, const std::vector<wire::BlobNeed>& blobs) {
    cancel(model);
    auto& wish = wishes_[model] = std::make_shared<Wish>();
    wish->client = client;
    wish->looked = blobs.empty();
    for (const auto& blob : blobs)
        wish->total += blob.size_bytes;
    if (!wish->looked) look(model, blobs);
}

// Pins what is here. Nothing that waits for the disk matters to that, so it goes first.
void Intake::look(std::uint64_t model, const std::vector<wire::BlobNeed>& blobs) {
    const auto job = [this, model, blobs, wish = wishes_.at(model)]() -> Worker::Done {
        auto found = std::make_shared<Wish>();
        try {
            for (const auto& blob : blobs) {
                if (wish->given_up) return {};
                auto pin = store_.pin(blob.digest);
                if (!pin || store_.size(blob.digest) != blob.size_bytes) {
                    found->missing.push_back(blob);
                    continue;
                }
                found->done += blob.size_bytes;
                found->pins.push_back(std::move(*pin));
            }
        } catch (const std::exception& error) {
            found->error = error_of(error);
        }
        return [this, model, wish, found] { looked(model, wish, found); };
    };
    worker_.run(job, true);
}

void Intake::looked(std::uint64_t model, const std::shared_ptr<Wish>& wish, const std::shared_ptr<Wish>& found) {
    const auto at = wishes_.find(model);
    if (at == wishes_.end() || at->second != wish) return give_up(found);
    wish->looked = true;
    wish->missing = std::move(found->missing);
    wish->pins = std::move(found->pins);
    wish->done = found->done;
    if (found->error) fail(model, *found->error, Blame::nobody);
    go_on(model);
}

Intake::State Intake::state(std::uint64_t model) const {
    const auto at = wishes_.find(model);
    if (at == wishes_.end()) return {};
    const Wish& wish = *at->second;
    State out{wish.done,  wish.total,           wish.looked && wish.missing.empty() && !wish.error,
              wish.error, wish.sender_to_blame, wish.client};
    for (const auto& [client, transfer] : transfers_) {
        if (transfer->model == model) out.done += transfer->kept;
    }
    return out;
}

// The first of the model's missing blobs, unless the client is sending already.
void Intake::go_on(std::uint64_t model) {
    Wish& wish = *wishes_.at(model);
    if (wish.missing.empty() || wish.error || transfers_.count(wish.client) != 0) return;
    begin(model, wish);
}

// Its models wait for their turn, one after the other.
void Intake::go_on_for(PeerId client) {
    for (const auto& [number, wish] : wishes_) {
        if (wish->client == client) go_on(number);
    }
}

void Intake::begin(std::uint64_t model, Wish& wish) {
    auto transfer = std::make_shared<Transfer>();
    transfer->model = model;
    transfer->blob = wish.missing.front();
    const auto job = [this, transfer]() -> Kept {
        const auto& blob = transfer->blob;
        // It may have come for another model meanwhile.
        if (auto pin = store_.pin(blob.digest); pin && store_.size(blob.digest) == blob.size_bytes)
            return {std::move(pin)};
        transfer->writer.emplace(store_.writer(blob.digest, blob.size_bytes));
        if (blob.size_bytes == 0) return {transfer->writer->commit()};
        return {};
    };
    keep(wish.client, transfer, job, 0);
    transfers_.emplace(wish.client, std::move(transfer));
}

void Intake::ask_more(PeerId client, Transfer& transfer) {
    while (transfer.asked < transfer.blob.size_bytes && transfer.asked < transfer.kept + kWindow) {
        const auto size = std::min<std::uint64_t>(wire::kChunkBytes, transfer.blob.size_bytes - transfer.asked);
        tell(outbox_, client,
             wire::BlobRequest{transfer.blob.digest, transfer.asked, static_cast<std::uint32_t>(size)});
        transfer.asked += size;
    }
}

void Intake::blob(PeerId client, const wire::Blob& message) {
    const auto at = transfers_.find(client);
    if (at == transfers_.end() || at->second->blob.digest != message.digest) return;
    const auto transfer = at->second;
    const std::uint64_t size = transfer->blob.size_bytes;
    // Pieces come in the order in which they were asked for; another that nobody asked for costs nothing.
    if (transfer->arrived == transfer->asked || message.offset != transfer->arrived) return;
    if (message.total != size) {
        abandon(at,
                {base::Code::refused, base::text("weights ", message.digest.brief(), " have ", message.total,
                                                 " bytes there; the model says ", size)},
                Blame::sender);
        return;
    }
    if (message.bytes.size() != std::min<std::uint64_t>(wire::kChunkBytes, size - transfer->arrived)) return;
    transfer->arrived += message.bytes.size();
    const bool whole = transfer->arrived == size;
    const auto job = [transfer, whole, bytes = message.bytes]() -> Kept {
        base::ensure(transfer->writer.has_value(), "weights came before there was a place for them");
        transfer->writer->write(bytes.view());
        if (!whole) return {};
        return {transfer->writer->commit()};
    };
    keep(client, transfer, job, message.bytes.size());
}

// Jobs run in the order in which they were given.
void Intake::keep(PeerId client, const std::shared_ptr<Transfer>& transfer, std::function<Kept()> job,
                  std::uint64_t bytes) {
    const auto result = std::make_shared<Kept>();
    worker_.run([this, client, transfer, job = std::move(job), bytes, result]() -> Worker::Done {
        if (transfer->given_up) return {};
        try {
            *result = job();
        } catch (const std::exception& error) {
            result->error = error_of(error);
            // What a store calls invalid are the bytes: others than their digest says.
            result->sender_to_blame = result->error->code() == base::Code::invalid_argument;
        }
        return [this, client, transfer, result, bytes] {
            const auto at = transfers_.find(client);
            if (at == transfers_.end() || at->second != transfer) {
                worker_.run([result]() -> Worker::Done {
                    result->pin.reset();
                    return {};
                });
                return;
            }
            transfer->kept += bytes;
            kept(at, std::move(*result));
        };
    });
}

void Intake::kept(Transfers::iterator at, Kept result) {
    if (result.error) {
        abandon(at, std::move(*result.error), result.sender_to_blame ? Blame::sender : Blame::nobody);
        return;
    }
    const auto client = at->first;
    if (!result.pin) {
        ask_more(client, *at->second);
        return;
    }
    const auto model = at->second->model;
    drop(at);
    finish(model, std::move(*result.pin));
    go_on(model);
    go_on_for(client);
}

void Intake::missing(PeerId client, const wire::BlobMissing& message) {
    const auto at = transfers_.find(client);
    if (at == transfers_.end() || at->second->blob.digest != message.digest) return;
    if (at->second->arrived == at->second->asked) return;  // nothing was asked for
    abandon(at,
            {base::Code::not_found,
             base::text("the client does not have the model's weights ", message.digest.brief(), " either")},
            Blame::sender);
}

void Intake::lost(PeerId client) {
    blame(client, {base::Code::unavailable, "the client left before the weights were here"});
}

// All that waits for this client waits in vain.
void Intake::blame(PeerId client, const base::Error& error) {
    if (const auto at = transfers_.find(client); at != transfers_.end()) drop(at);
    for (auto& [model, wish] : wishes_) {
        if (wish->client == client && (!wish->looked || !wish->missing.empty())) fail(model, error, Blame::sender);
    }
}

void Intake::tick(base::TimePoint now) {
    std::vector<PeerId> silent;
    for (auto& [client, transfer] : transfers_) {
        const bool awaited = transfer->asked > transfer->arrived;  // else the disk is
        if (!awaited || transfer->since == base::TimePoint{} || transfer->arrived != transfer->seen) {
            transfer->seen = transfer->arrived;
            transfer->since = now;
        } else if (now - transfer->since > kPatience) {
            silent.push_back(client);
        }
    }
    for (const auto client : silent) {
        blame(client, {base::Code::unavailable,
                       base::text("the client has sent nothing of the model's weights for ", kPatience.count(), " s")});
    }
}

void Intake::cancel(std::uint64_t model) {
    if (const auto at = wishes_.find(model); at != wishes_.end()) {
        const auto wish = at->second;
        wishes_.erase(at);
        give_up(wish);
    }
    const auto at = std::find_if(transfers_.begin(), transfers_.end(),
                                 [&](const auto& entry) { return entry.second->model == model; });
    if (at == transfers_.end()) return;
    const PeerId client = at->first;
    drop(at);
    go_on_for(client);
}

void Intake::abandon(Transfers::iterator at, base::Error error, Blame blame) {
    const auto client = at->first;
    const auto model = at->second->model;
    drop(at);
    fail(model, std::move(error), blame);
    go_on_for(client);
}

void Intake::finish(std::uint64_t model, base::BlobPin pin) {
    Wish& wish = *wishes_.at(model);
    wish.done += wish.missing.front().size_bytes;
    wish.missing.pop_front();
    wish.pins.push_back(std::move(pin));
}

void Intake::fail(std::uint64_t model, base::Error error, Blame blame) {
    const auto at = wishes_.find(model);
    if (at == wishes_.end() || at->second->error) return;
    at->second->error = std::move(error);
    at->second->sender_to_blame = blame == Blame::sender;
}

// A half-written file and pins go where the disk may be waited for, behind what is under way there.
void Intake::drop(Transfers::iterator at) {
    const auto transfer = at->second;
    transfers_.erase(at);
    transfer->given_up = true;
    worker_.run([transfer]() -> Worker::Done {
        transfer->writer.reset();
        return {};
    });
}

void Intake::give_up(std::shared_ptr<Wish> wish) {
    wish->given_up = true;
    worker_.run([wish = std::move(wish)]() -> Worker::Done {
        wish->pins.clear();
        return {};
    });
}

}  // namespace shoal::hub
