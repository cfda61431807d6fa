#include "base/blob_store.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "base/error.hpp"
#include "base/file.hpp"
#include "platform/file_lock.hpp"
#include "support/random.hpp"
#include "support/temporary_folder.hpp"

using namespace shoal;
using base::BlobStore;
using base::Digest;

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kPlenty = 1 << 20;

std::vector<std::byte> blob(int which, std::size_t size) {
    std::mt19937 random(static_cast<unsigned>(which));
    std::vector<std::byte> out(size);
    for (auto& byte : out)
        byte = static_cast<std::byte>(random());
    return out;
}

Digest digest_of(const std::vector<std::byte>& bytes) {
    return Digest::of(base::ByteView(bytes));
}

std::size_t files_in(const fs::path& folder) {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

template <class Action>
std::string failure(base::Code code, Action&& action) {
    try {
        action();
    } catch (const base::Error& error) {
        CHECK(base::name(error.code()) == base::name(code));
        return error.what();
    }
    FAIL("nothing thrown");
    return "";
}

// Makes the blobs' ages differ, the first the oldest.
void age(const fs::path& folder, const std::vector<Digest>& oldest_first) {
    const auto now = fs::file_time_type::clock::now();
    auto hours = static_cast<int>(oldest_first.size());
    for (const auto& digest : oldest_first)
        fs::last_write_time(folder / "blobs" / digest.hex(), now - std::chrono::hours(hours--));
}

}  // namespace

TEST_CASE("a blob is kept once and read back") {
    const test::TemporaryFolder root;
    BlobStore store(root / "store", kPlenty);
    for (const std::size_t size : {0, 1, 3, 13, 127, 4096, 100003}) {
        const auto bytes = blob(7, size);
        const auto digest = digest_of(bytes);
        CHECK(!store.has(digest));
        CHECK(!store.open(digest));
        CHECK(store.put(bytes) == digest);
        CHECK(store.put(bytes) == digest);
        CHECK(store.has(digest));
        CHECK(store.size(digest) == size);
        CHECK(Digest::of(store.open(digest, true)->view()) == digest);
    }
    CHECK(store.usage().blobs == 7);
    CHECK(store.list().size() == 7);
    CHECK(files_in(root / "store/new") == 0);
    BlobStore other(root / "store", kPlenty);  // another opening sees the same
    CHECK(other.list().size() == 7);
}

TEST_CASE("a blob in pieces") {
    const test::TemporaryFolder root;
    BlobStore store(root.path() / "store", kPlenty);
    const auto bytes = blob(1, 1000);
    const auto digest = digest_of(bytes);
    const base::ByteView view(bytes);
    auto writer = store.writer(digest, bytes.size());
    for (std::size_t at = 0; at < bytes.size(); at += 127)
        writer.write(view.subspan(at, std::min<std::size_t>(127, bytes.size() - at)));
    CHECK(writer.written() == 1000);
    CHECK(!store.has(digest));
    {
        const auto pin = writer.commit();
        CHECK(store.has(digest));
        CHECK(!store.erase(digest));
        CHECK(store.usage().pinned_bytes == 1000);
    }
    CHECK(store.usage().pinned_bytes == 0);
    CHECK(store.erase(digest));
    CHECK(!store.has(digest));
}

TEST_CASE("bytes that are not those announced leave nothing") {
    const test::TemporaryFolder root;
    BlobStore store(root / "store", kPlenty);
    const auto bytes = blob(1, 100), other = blob(2, 100);
    const auto digest = digest_of(bytes);
    {
        auto writer = store.writer(digest, 100);
        writer.write(other);
        const auto message = failure(base::Code::invalid_argument, [&] { (void)writer.commit(); });
        CHECK(message.find(digest.brief()) != std::string::npos);
        CHECK(message.find(digest_of(other).brief()) != std::string::npos);
    }
    {
        auto writer = store.writer(digest, 100);
        writer.write({bytes.data(), 99});
        failure(base::Code::invalid_argument, [&] { (void)writer.commit(); });
        failure(base::Code::invalid_argument, [&] { writer.write(bytes); });
    }
    { auto abandoned = store.writer(digest, 100); }
    CHECK(!store.has(digest));
    CHECK(files_in(root / "store/new") == 0);
    CHECK(files_in(root / "store/blobs") == 0);
}

TEST_CASE("the blobs used longest ago make room, pinned ones never") {
    const test::TemporaryFolder root;
    BlobStore store(root / "store", 1000);
    std::vector<Digest> digests;
    for (int i = 0; i < 4; ++i)
        digests.push_back(store.put(blob(i, 250)));
    age(root / "store", digests);
    const auto pin = store.pin(digests[0]);
    (void)store.open(digests[1]);  // the youngest now
    const auto fifth = store.put(blob(5, 300));
    CHECK(store.has(digests[0]));
    CHECK(store.has(digests[1]));
    CHECK(!store.has(digests[2]));
    CHECK(!store.has(digests[3]));
    CHECK(store.has(fifth));
    CHECK(store.usage().bytes == 800);

    const auto message = failure(base::Code::does_not_fit, [&] { (void)store.put(blob(6, 800)); });
    CHECK(message.find("800 B") != std::string::npos);
    CHECK(message.find("1000 B") != std::string::npos);
    CHECK(store.has(digests[0]));
    failure(base::Code::does_not_fit, [&] { (void)store.put(blob(7, 1001)); });
    CHECK(!store.pin(digest_of(blob(99, 1))));
}

TEST_CASE("what was mapped stays readable after its blob has gone") {
    const test::TemporaryFolder root;
    BlobStore store(root / "store", 1000);
    const auto digest = store.put(blob(1, 900));
    const auto bytes = store.open(digest);
    (void)store.put(blob(2, 900));
    CHECK(!store.has(digest));
    CHECK(Digest::of(bytes->view()) == digest);
}

TEST_CASE("damage on disk is found when asked for") {
    const test::TemporaryFolder root;
    BlobStore store(root / "store", kPlenty);
    const auto digest = store.put(blob(1, 5000));
    {
        std::fstream file(root / ("store/blobs/" + digest.hex()), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(2500);
        file.put('!');
        file.put('?');
    }
    CHECK(store.open(digest));
    CHECK(!store.open(digest, true));
    CHECK(!store.has(digest));
    CHECK(store.put(blob(1, 5000)) == digest);
    CHECK(store.open(digest, true));
}

TEST_CASE("pins of several holders, and one that outlives its store") {
    const test::TemporaryFolder root;
    base::BlobPin outlives;
    Digest digest;
    {
        BlobStore store(root / "store", kPlenty);
        digest = store.put(blob(1, 10));
        auto first = store.pin(digest), second = store.pin(digest);
        first.reset();
        CHECK(!store.erase(digest));
        outlives = std::move(*second);
    }
    BlobStore other(root / "store", kPlenty);
    CHECK(!other.erase(digest));
    outlives = {};
    CHECK(other.erase(digest));
}

TEST_CASE("many pins reuse their slots") {
    const test::TemporaryFolder root;
    BlobStore store(root / "store", kPlenty);
    std::vector<Digest> digests;
    for (int i = 0; i < 50; ++i)
        digests.push_back(store.put(blob(i, 10)));
    for (int round = 0; round < 5; ++round) {
        std::vector<base::BlobPin> pins;
        for (const auto& digest : digests)
            pins.push_back(*store.pin(digest));
        CHECK(store.usage().pinned_bytes == 500);
    }
    CHECK(store.usage().pinned_bytes == 0);
    const auto session = fs::directory_iterator(root / "store/sessions")->path();
    CHECK(fs::file_size(session) <= 51 * 32);
}

TEST_CASE("another process' pins hold, and end with it") {
    const test::TemporaryFolder root;
    BlobStore store(root / "store", kPlenty);
    const auto digest = store.put(blob(1, 10));
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        BlobStore theirs(root / "store", kPlenty);
        const auto pin = theirs.pin(digest);
        auto unfinished = theirs.writer(digest_of(blob(2, 10)), 10);
        if (::write(ready[1], "x", 1) == 1) ::pause();
        ::_exit(1);
    }
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    CHECK(!store.erase(digest));
    CHECK(store.usage().pinned_bytes == 10);
    CHECK(files_in(root / "store/new") == 1);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    CHECK(store.erase(digest));
    CHECK(files_in(root / "store/new") == 0);
    CHECK(files_in(root / "store/sessions") == 1);
    ::close(ready[0]);
    ::close(ready[1]);
}

TEST_CASE("killed at any point, it leaves whole blobs and nothing else") {
    const test::TemporaryFolder root;
    auto random = test::generator();
    for (int round = 0; round < 40; ++round) {
        const pid_t child = ::fork();
        if (child == 0) {
            try {
                BlobStore store(root / "store", 20000);
                for (int i = round;; ++i) {
                    const auto pin = store.pin(store.put(blob(i % 50, 1000 + static_cast<std::size_t>(i) % 777)));
                    if (i % 3 == 0) (void)store.erase(digest_of(blob((i + 7) % 50, 1000)));
                }
            } catch (...) {
                ::_exit(1);
            }
        }
        ::usleep(static_cast<useconds_t>(random() % 15000));
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        CHECK(WIFSIGNALED(status));
        BlobStore store(root / "store", 20000);
        const auto usage = store.usage();
        CHECK(usage.bytes <= 20000);
        CHECK(usage.pinned_bytes == 0);
        for (const auto& digest : store.list())
            CHECK(store.open(digest, true));
        CHECK(files_in(root / "store/new") == 0);
        CHECK(files_in(root / "store/sessions") == 1);
    }
}

TEST_CASE("threads and stores in one folder") {
    const test::TemporaryFolder root;
    BlobStore shared(root / "store", 10000);
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            BlobStore own(root / "store", 10000);
            for (int i = 0; i < 40; ++i) {
                auto& store = t % 2 == 0 ? shared : own;
                const auto digest = store.put(blob(i % 15, 900));
                const auto pin = store.pin(digest);  // absent when another thread's blob took its room
                if (pin && !store.open(digest, true)) ++wrong;
            }
        });
    }
    for (auto& thread : threads)
        thread.join();
    CHECK(wrong == 0);
    CHECK(shared.usage().bytes <= 10000);
    CHECK(shared.usage().pinned_bytes == 0);
}

TEST_CASE("a file of another name in the folder is left alone") {
    const test::TemporaryFolder root;
    BlobStore store(root / "store", 1000);
    root.write("store/blobs/readme.txt", std::string(2000, 'x'));
    CHECK(store.usage().blobs == 0);
    (void)store.put(blob(1, 1000));
    CHECK(fs::exists(root / "store/blobs/readme.txt"));
}
