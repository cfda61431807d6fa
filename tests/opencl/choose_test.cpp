#include <doctest/doctest.h>

#include "base/error.hpp"
#include "opencl/discovery.hpp"
#include "support/errors.hpp"

using namespace shoal;
using device::Kind;

namespace {

opencl::FoundDevice made(std::string id, std::string name, Kind kind, std::string platform = "X") {
    opencl::FoundDevice out;
    out.info.id = std::move(id);
    out.info.name = std::move(name);
    out.info.platform = std::move(platform);
    out.info.kind = kind;
    return out;
}

const std::vector<opencl::FoundDevice> kBoard{
    made("0.0", "pthread-cortex-a76", Kind::cpu, "Portable Computing Language"),
    made("1.0", "Mali-G610 r0p0", Kind::gpu, "ARM Platform"),
    made("1.1", "Mali-G52", Kind::gpu, "ARM Platform"),
    made("2.0", "Alveo U50", Kind::accelerator, "Xilinx"),
};

std::string id_for(std::string_view wish) {
    return opencl::choose(kBoard, wish).info.id;
}

std::string error_of(const std::vector<opencl::FoundDevice>& devices, std::string_view wish, base::Code code) {
    try {
        (void)opencl::choose(devices, wish);
    } catch (const base::Error& error) {
        CHECK(error.code() == code);
        return error.what();
    }
    return "nothing thrown";
}

}  // namespace

TEST_CASE("devices are chosen by id, kind, name or as the best") {
    CHECK(id_for("1.1") == "1.1");
    CHECK(id_for("cpu") == "0.0");
    CHECK(id_for("GPU") == "1.0");
    CHECK(id_for("accelerator") == "2.0");
    CHECK(id_for("g52") == "1.1");
    CHECK(id_for("xilinx") == "2.0");
    CHECK(id_for("portable computing") == "0.0");
    CHECK(id_for("best") == "1.0");
}

TEST_CASE("the best without a GPU") {
    CHECK(opencl::choose({kBoard[0], kBoard[3]}, "best").info.id == "2.0");
    CHECK(opencl::choose({kBoard[0]}, "best").info.id == "0.0");
}

TEST_CASE("a wish that nothing meets is answered by what there is") {
    const auto message = error_of(kBoard, "geforce", base::Code::not_found);
    CHECK(message.find("'geforce'") != std::string::npos);
    CHECK(message.find("1.0 (GPU, Mali-G610 r0p0)") != std::string::npos);
    CHECK(message.find("2.0 (accelerator, Alveo U50)") != std::string::npos);
    CHECK(error_of(kBoard, "", base::Code::not_found).find("0.0 (CPU") != std::string::npos);
    CHECK(error_of(kBoard, "9.9", base::Code::not_found).find("'9.9'") != std::string::npos);
    CHECK(error_of({}, "best", base::Code::unavailable).find("pocl-opencl-icd") != std::string::npos);
}

TEST_CASE("a wish may be for parts of a device") {
    const auto parsed = [](const char* text) {
        const auto wish = opencl::parse_wish(text);
        return wish.device + " in " + std::to_string(wish.parts);
    };
    CHECK(parsed("cpu/2") == "cpu in 2");
    CHECK(parsed("0.0/16") == "0.0 in 16");
    CHECK(parsed("best") == "best in 1");
    CHECK(parsed("cpu/1") == "cpu in 1");
    // Names of drivers may hold a '/'.
    CHECK(parsed("NVIDIA/CUDA") == "NVIDIA/CUDA in 1");
    CHECK(parsed("odd/") == "odd/ in 1");
    for (const char* text : {"cpu/0", "cpu/5000", "cpu/99999999999999999999"}) {
        CAPTURE(text);
        const auto said = test::error_of([&] { (void)opencl::parse_wish(text); });
        CHECK(test::says(said, text));
        CHECK(test::says(said, "1 to 4096"));
    }
}
