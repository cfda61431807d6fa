#!/usr/bin/env python3
"""Runs models through Shoal, ONNX Runtime and ncnn in turns, and prints how their times compare.

    bench/compare.py models/*.onnx                           Shoal against ONNX Runtime, two threads
    bench/compare.py resnet50.onnx --batch 8 --threads 1
    bench/compare.py resnet50.onnx --with onnxruntime ncnn -o today.json
    bench/compare.py models/*.onnx --with -o after.json      Shoal alone
    bench/compare.py --between before.json after.json        what a change did to every model

Each round starts each engine once, in a process of its own, in an order that turns from round to round; an engine's time
in a round is the median of its runs there. Ratios are of one round, so that what slows the machine for minutes slows both;
the median of the rounds' ratios counts. Below 1, Shoal is faster. The share is the time in which the device, with as many
threads, would run the model at its measured arithmetic and memory, of what it takes (`shoal bench --limit`). Needs
onnxruntime, and for ncnn also pnnx and ncnn, from PyPI.
"""
import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve()
RIVALS = ("onnxruntime", "ncnn")


def timed(run, repeat):
    """Median of `repeat` runs in ms, after three that do not count, and this process's peak memory."""
    for _ in range(3):
        run()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - start))
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"median_ms": statistics.median(times), "peak_resident_bytes": peak}


def run_onnxruntime(model, batch, threads, repeat):
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    random = numpy.random.default_rng(1)
    kinds = {"tensor(float)": numpy.float32, "tensor(int64)": numpy.int64, "tensor(int32)": numpy.int32,
             "tensor(bool)": numpy.bool_}
    feeds = {}
    for value in session.get_inputs():
        shape = [size if isinstance(size, int) else batch if axis == 0 else 1 for axis, size in enumerate(value.shape)]
        kind = kinds[value.type]
        feeds[value.name] = (random.uniform(-1, 1, shape) if kind is numpy.float32 else
                             random.integers(0, 2, shape)).astype(kind)
    return timed(lambda: session.run(None, feeds), repeat)


def run_ncnn(model, batch, threads, repeat):
    import ncnn
    import numpy

    if batch != 1:
        raise SystemExit("ncnn runs one input at a time")
    shape = input_shape(model)
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder, "model.onnx")
        copy.symlink_to(pathlib.Path(model).resolve())
        made = subprocess.run(["pnnx", str(copy), f"inputshape=[{','.join(map(str, shape))}]", "fp16=0"], cwd=folder,
                              capture_output=True, text=True)
        param = pathlib.Path(folder, "model.ncnn.param")
        if not param.exists():
            raise SystemExit(f"pnnx does not convert it: {made.stderr.strip().splitlines()[-1:]}")
        net = ncnn.Net()
        net.opt.num_threads = threads
        net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
        net.load_param(str(param))
        net.load_model(str(param.with_suffix(".bin")))
    data = ncnn.Mat(numpy.random.default_rng(1).uniform(-1, 1, shape[1:]).astype(numpy.float32))

    def run():
        extractor = net.create_extractor()
        extractor.input(net.input_names()[0], data)
        extractor.extract(net.output_names()[0])

    return timed(run, repeat)


def input_shape(model):
    import onnx

    graph = onnx.load(model, load_external_data=False).graph
    known = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in known]
    if len(inputs) != 1:
        raise SystemExit("ncnn is compared on models with one input")
    return [size.dim_value or 1 for size in inputs[0].type.tensor_type.shape.dim]


def bench(flags, model, repeat, *more):
    command = [flags.shoal, "bench", model, "--repeat", str(repeat), "--skip-start", "--json", "--quiet",
               "--threads", str(flags.threads), *more]
    if flags.device:
        command += ["--device", flags.device]
    if flags.batch != 1:
        symbol = batch_symbol(model)
        if not symbol:
            return {"error": "its batch is fixed; --batch needs a symbol in the first dimension"}
        command += ["--dim", f"{symbol}={flags.batch}"]
    done = subprocess.run(command, capture_output=True, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else {"error": last_line(done)}


def last_line(done):
    return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}"


def run_shoal(flags, model, repeat):
    got = bench(flags, model, repeat)
    return got if "error" in got else {key: got[key] for key in ("median_ms", "peak_resident_bytes", "gflops_per_s", "first_run_ms", "kernels")}


def batch_symbol(model):
    import onnx

    for value in onnx.load(model, load_external_data=False).graph.input:
        shape = value.type.tensor_type.shape.dim
        if shape and shape[0].dim_param:
            return shape[0].dim_param
    return None


def run_rival(flags, rival, model, repeat):
    command = [sys.executable, str(HERE), "--engine", rival, "--repeat", str(repeat), "--threads", str(flags.threads),
               "--batch", str(flags.batch), model]
    environment = dict(os.environ, OMP_NUM_THREADS=str(flags.threads),
                       PATH=f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}")
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        return {"error": last_line(done)}
    return json.loads(done.stdout)


def measure(flags, model):
    bench(flags, model, 1)  # compiles what this device has not compiled before, which takes memory of its own
    rounds = []
    for turn in range(flags.rounds):
        order = ["shoal", *flags.rivals]
        order = order[turn % len(order):] + order[:turn % len(order)]
        rounds.append({engine: run_shoal(flags, model, flags.repeat) if engine == "shoal" else
                       run_rival(flags, engine, model, flags.repeat) for engine in order})
        if "error" in rounds[-1]["shoal"]:
            return {"shoal_error": rounds[-1]["shoal"]["error"], "rounds": rounds}
    out = {"shoal_ms": statistics.median(r["shoal"]["median_ms"] for r in rounds),
           "gflops_per_s": statistics.median(r["shoal"]["gflops_per_s"] for r in rounds),
           "peak_resident_bytes": max(r["shoal"]["peak_resident_bytes"] for r in rounds), "rounds": rounds}
    limit_ms = bench(flags, model, 1, "--limit").get("limit_ms")
    if limit_ms:
        out["limit_ms"] = limit_ms
        out["share"] = limit_ms / out["shoal_ms"]
    for rival in flags.rivals:
        good = [r for r in rounds if "median_ms" in r[rival]]
        if not good:
            out[f"{rival}_error"] = rounds[0][rival]["error"]
            continue
        out[f"{rival}_ms"] = statistics.median(r[rival]["median_ms"] for r in good)
        ratios = [r["shoal"]["median_ms"] / r[rival]["median_ms"] for r in good]
        out[f"{rival}_ratio"] = statistics.median(ratios)
        out[f"{rival}_ratio_range"] = [min(ratios), max(ratios)]
        out[f"{rival}_peak_resident_bytes"] = max(r[rival]["peak_resident_bytes"] for r in good)
    return out


def names_of(models):
    """What figures are listed under: a file's name alone where no other file has it."""
    stems = [pathlib.Path(model).stem for model in models]
    return {model: stem if stems.count(stem) == 1 else model for model, stem in zip(models, stems)}


def line(name, got, rivals):
    if "shoal_error" in got:
        return f"{name:24}  shoal: {got['shoal_error']}"
    text = f"{name:24}{got['shoal_ms']:10.2f} ms"
    for rival in rivals:
        if f"{rival}_ratio" in got:
            low, high = got[f"{rival}_ratio_range"]
            text += f"  {got[f'{rival}_ms']:9.2f} ms  {got[f'{rival}_ratio']:6.2f} ({low:.2f}-{high:.2f})"
        else:
            text += f"  {rival}: {got[f'{rival}_error'][:60]}"
    text += f"  {got['gflops_per_s']:7.1f} GFLOP/s"
    if "share" in got:
        text += f" {100 * got['share']:4.0f} %"
    text += f"  {got['peak_resident_bytes'] / 2**20:6.0f} MiB"
    for rival in rivals:
        if f"{rival}_peak_resident_bytes" in got:
            text += f" /{got[f'{rival}_peak_resident_bytes'] / 2**20:6.0f}"
    return text


def between(before, after):
    old, new = (json.loads(pathlib.Path(path).read_text()) for path in (before, after))
    for what in ("threads", "batch"):
        if old[what] != new[what]:
            sys.exit(f"{before} is of {what} {old[what]} and {after} of {new[what]}: there is nothing to compare")
    old, new = old["models"], new["models"]
    ratios = []
    for name in old:
        if name not in new:
            print(f"{name:24} only in {before}")
            continue
        failed = [f"{path}: {side[name]['shoal_error']}" for path, side in ((before, old), (after, new))
                  if "shoal_error" in side[name]]
        if failed:
            print(f"{name:24}  {'; '.join(failed)}")
            continue
        ratios.append(new[name]["shoal_ms"] / old[name]["shoal_ms"])
        print(f"{name:24}{old[name]['shoal_ms']:10.2f} ms {new[name]['shoal_ms']:10.2f} ms  {ratios[-1]:6.2f}")
    for name in new.keys() - old.keys():
        print(f"{name:24} only in {after}")
    if ratios:
        print(f"{'geometric mean':24}{'':27}{statistics.geometric_mean(ratios):6.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL.onnx")
    parser.add_argument("--shoal", default=str(HERE.parents[1] / "build/bin/shoal"), help="the command (default: build/bin/shoal)")
    parser.add_argument("--with", dest="rivals", nargs="*", choices=RIVALS, default=["onnxruntime"])
    parser.add_argument("--device", help="Shoal's device; the others use the CPU")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=15, help="runs in a round")
    parser.add_argument("-o", "--output", metavar="FILE", help="write every figure as JSON")
    parser.add_argument("--between", nargs=2, metavar=("BEFORE", "AFTER"), help="compare two such files")
    parser.add_argument("--engine", choices=RIVALS, help=argparse.SUPPRESS)  # what a round's processes are started with
    flags = parser.parse_args()
    if flags.between:
        return between(*flags.between)
    if not flags.models:
        parser.error("no model given")
    if flags.engine:
        run = {"onnxruntime": run_onnxruntime, "ncnn": run_ncnn}[flags.engine]
        return print(json.dumps(run(flags.models[0], flags.batch, flags.threads, flags.repeat)))
    done = {"threads": flags.threads, "batch": flags.batch, "models": {}}
    print(f"{'':24}{'shoal':>10}   " + "".join(f"  {rival:>12}   ratio (range)    " for rival in flags.rivals))
    for model, name in names_of(flags.models).items():
        done["models"][name] = measure(flags, model)
        print(line(name, done["models"][name], flags.rivals), flush=True)
        if flags.output:
            pathlib.Path(flags.output).write_text(json.dumps(done, indent=1))


if __name__ == "__main__":
    main()
