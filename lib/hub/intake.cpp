#include "hub/intake.hpp"

#include <algorithm>

namespace shoal::hub {
namespace {

constexpr std::uint64_t kWindow = 4 * wire::kChunkBytes;  // asked for and not yet here

constexpr std::chrono::seconds kPatience{60};  // without a piece that was asked for; slow links take long for one

}  // namespace

void Intake::want(std::uint64_t model, PeerId client, const std::vector<wire::BlobNeed>& blobs) {
    Wish wish;
    wish.client = client;
    for (const auto& blob : blobs) {
        wish.total += blob.size_bytes;
        auto pin = store_.pin(blob.digest);
        if (pin && store_.size(blob.digest) == blob.size_bytes) {
            wish.done += blob.size_bytes;
            wish.pins.push_back(std::move(*pin));
        } else {
            wish.missing.push_back(blob);
        }
    }
    for (auto at = transfers_.begin(); at != transfers_.end();)
        at = at->second.model == model ? transfers_.erase(at) : std::next(at);
    wishes_[model] = std::move(wish);
    go_on(model);
}

Intake::State Intake::state(std::uint64_t model) const {
    const auto at = wishes_.find(model);
    if (at == wishes_.end()) return {};
    const Wish& wish = at->second;
    State out{wish.done, wish.total, wish.missing.empty(), wish.error, wish.client};
    for (const auto& [client, transfer] : transfers_) {
        if (transfer.model == model) out.done += transfer.writer.written();
    }
    return out;
}

// The first of the model's missing blobs, unless the client is sending already.
void Intake::go_on(std::uint64_t model) {
    Wish& wish = wishes_.at(model);
    while (!wish.missing.empty() && !wish.error && transfers_.count(wish.client) == 0) {
        const auto need = wish.missing.front();
        try {
            if (auto pin = store_.pin(need.digest)) {  // came for another model meanwhile
                finish(model, std::move(*pin));
                continue;
            }
            Transfer transfer{model, need, store_.writer(need.digest, need.size_bytes), 0};
            if (need.size_bytes == 0) {
                finish(model, transfer.writer.commit());
                continue;
            }
            ask_more(wish.client, transfers_.emplace(wish.client, std::move(transfer)).first->second);
        } catch (const base::Error& error) {
            fail(model, error);
        }
    }
}

// Its models wait for their turn, one after the other.
void Intake::go_on_for(PeerId client) {
    for (const auto& [number, wish] : wishes_) {
        if (wish.client == client) go_on(number);
    }
}

void Intake::ask_more(PeerId client, Transfer& transfer) {
    while (transfer.asked < transfer.blob.size_bytes && transfer.asked < transfer.writer.written() + kWindow) {
        const auto size = std::min<std::uint64_t>(wire::kChunkBytes, transfer.blob.size_bytes - transfer.asked);
        tell(outbox_, client,
             wire::BlobRequest{transfer.blob.digest, transfer.asked, static_cast<std::uint32_t>(size)});
        transfer.asked += size;
    }
}

void Intake::blob(PeerId client, const wire::Blob& message) {
    const auto at = transfers_.find(client);
    if (at == transfers_.end() || at->second.blob.digest != message.digest) return;
    Transfer& transfer = at->second;
    if (message.offset != transfer.writer.written()) return;  // pieces come in the order in which they were asked for
    const std::uint64_t model = transfer.model;
    try {
        if (message.total != transfer.blob.size_bytes)
            base::fail(base::Code::refused, "weights ", message.digest.brief(), " have ", message.total,
                       " bytes there; the model says ", transfer.blob.size_bytes);
        transfer.writer.write(message.bytes.view());
        if (transfer.writer.written() < transfer.blob.size_bytes) {
            ask_more(client, transfer);
            return;
        }
        auto pin = transfer.writer.commit();
        transfers_.erase(at);
        finish(model, std::move(pin));
        go_on(model);
    } catch (const base::Error& error) {
        transfers_.erase(client);
        fail(model, error);
    }
    go_on_for(client);
}

void Intake::missing(PeerId client, const wire::BlobMissing& message) {
    const auto at = transfers_.find(client);
    if (at == transfers_.end() || at->second.blob.digest != message.digest) return;
    const std::uint64_t model = at->second.model;
    transfers_.erase(at);
    fail(model, {base::Code::not_found,
                 base::text("the client does not have the model's weights ", message.digest.brief(), " either")});
    go_on_for(client);
}

void Intake::lost(PeerId client) {
    transfers_.erase(client);
    for (auto& [model, wish] : wishes_) {
        if (wish.client == client && !wish.missing.empty())
            fail(model, {base::Code::unavailable, "the client left before the weights were here"});
    }
}

void Intake::tick(base::TimePoint now) {
    std::vector<PeerId> silent;
    for (auto& [client, transfer] : transfers_) {
        const auto written = transfer.writer.written();
        if (transfer.since == base::TimePoint{} || written != transfer.seen) {
            transfer.seen = written;
            transfer.since = now;
        } else if (now - transfer.since > kPatience) {
            silent.push_back(client);
        }
    }
    for (const auto client : silent) {
        const auto model = transfers_.at(client).model;
        transfers_.erase(client);
        fail(model, {base::Code::unavailable,
                     base::text("the client has sent nothing of the model's weights for ", kPatience.count(), " s")});
        go_on_for(client);
    }
}

void Intake::cancel(std::uint64_t model) {
    wishes_.erase(model);
    PeerId client = PeerId::none;
    for (auto at = transfers_.begin(); at != transfers_.end();) {
        if (at->second.model == model) client = at->first;
        at = at->second.model == model ? transfers_.erase(at) : std::next(at);
    }
    if (client != PeerId::none) go_on_for(client);
}

void Intake::finish(std::uint64_t model, base::BlobPin pin) {
    Wish& wish = wishes_.at(model);
    wish.done += wish.missing.front().size_bytes;
    wish.missing.pop_front();
    wish.pins.push_back(std::move(pin));
}

void Intake::fail(std::uint64_t model, base::Error error) {
    const auto at = wishes_.find(model);
    if (at != wishes_.end() && !at->second.error) at->second.error = std::move(error);
}

}  // namespace shoal::hub
