#include "base/digest.hpp"

#include <doctest/doctest.h>

#include <set>
#include <unordered_set>

#include "base/error.hpp"
#include "support/random.hpp"

using namespace shoal;
using base::Digest;

TEST_CASE("known digests") {
    // BLAKE2b with 32 bytes of output: python3 -c "import hashlib; print(hashlib.blake2b(b'abc',
    // digest_size=32).hexdigest())"
    CHECK(Digest::of("").hex() == "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    CHECK(Digest::of("abc").hex() == "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
    CHECK(Digest::of("abc").brief() == "bddd813c6342");
}

TEST_CASE("bytes that come in pieces") {
    auto random = test::generator();
    std::string text(1000, ' ');
    for (char& c : text)
        c = static_cast<char>(random());
    for (const std::size_t piece : {1, 3, 13, 127, 128, 129, 999, 1000}) {
        base::DigestBuilder builder;
        for (std::size_t at = 0; at < text.size(); at += piece)
            builder.add(std::string_view(text).substr(at, piece));
        CHECK(builder.finish() == Digest::of(text));
    }
    CHECK(base::DigestBuilder().finish() == Digest::of(""));
}

TEST_CASE("hex reads back, and nothing else does") {
    const auto digest = Digest::of("x");
    const std::string hex = digest.hex();
    CHECK(Digest::from_hex(hex) == digest);
    std::string upper = hex;
    for (char& c : upper)
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    CHECK(Digest::from_hex(upper) == digest);
    CHECK_THROWS_AS((void)Digest::from_hex(""), base::Error);
    CHECK_THROWS_AS((void)Digest::from_hex(hex.substr(1)), base::Error);
    CHECK_THROWS_AS((void)Digest::from_hex(hex + "0"), base::Error);
    for (std::size_t at = 0; at < hex.size(); ++at) {
        for (const char bad : {'g', ' ', '-', '\0', '/', ':', '@', '`'}) {
            std::string text = hex;
            text[at] = bad;
            CHECK_THROWS_AS((void)Digest::from_hex(text), base::Error);
        }
    }
}

TEST_CASE("digests are keys of both kinds of map") {
    std::set<Digest> ordered;
    std::unordered_set<Digest> hashed;
    for (int i = 0; i < 1000; ++i) {
        ordered.insert(Digest::of(std::to_string(i % 500)));
        hashed.insert(Digest::of(std::to_string(i % 500)));
    }
    CHECK(ordered.size() == 500);
    CHECK(hashed.size() == 500);
}
