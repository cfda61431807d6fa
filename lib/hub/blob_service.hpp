// Hands weights out to boards that ask for them, piece by piece from the mapped files, no faster than their connections
// take them. The hub's thread only.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "base/blob_store.hpp"
#include "hub/outbox.hpp"
#include "wire/data_messages.hpp"

namespace shoal::hub {

class BlobService {
public:
    BlobService(base::BlobStore& store, Outbox& outbox) : store_(store), outbox_(outbox) {}

    void asked(PeerId board, const wire::BlobRequest& request);
    void lost(PeerId board);
    /// Sends what there is room for. True while something waits.
    bool tick();

private:
    void serve(PeerId board, std::deque<wire::BlobRequest>& waiting);
    [[nodiscard]] const base::SharedBytes* mapped(const base::Digest& digest);

    base::BlobStore& store_;
    Outbox& outbox_;
    std::map<PeerId, std::deque<wire::BlobRequest>> waiting_;
    std::map<base::Digest, base::SharedBytes> mapped_;  // a few, lately used
};

}  // namespace shoal::hub
