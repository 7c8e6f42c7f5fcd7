# Untried: this image was not built where it was written.
#
# CPU:   docker build -t stvsr-bench .
#        docker run --rm -v "$PWD:/work" stvsr-bench run --methods dis+bicubic --dataset mini --limit 1
# CUDA:  docker build -t stvsr-bench:cuda --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu126 .
#        docker run --rm --gpus all -v "$PWD:/work" stvsr-bench:cuda run --methods zsm --dataset mini --device cuda
#        Take the last part of the address (cu126) from PyTorch's install page; the host needs NVIDIA's container toolkit.
FROM python:3.11-slim

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG EXTRAS=fast,drive

WORKDIR /src
COPY pyproject.toml setup.py README.md LICENSE constraints.txt ./
COPY stvsr_bench stvsr_bench
COPY methods methods
COPY datasets datasets
COPY reports reports
# torch first, so that nothing else takes it from another index
RUN grep '^torch==' constraints.txt > torch.txt \
    && pip install --no-cache-dir --index-url "$TORCH_INDEX" --extra-index-url https://pypi.org/simple -r torch.txt \
    && pip install --no-cache-dir -c constraints.txt ".[$EXTRAS]" \
    && rm -rf /src

# not root: what the container writes into /work belongs to a usual user
RUN useradd --create-home --uid 1000 bench && mkdir -p /work /cache && chown bench /work /cache
USER bench
WORKDIR /work
ENV STVSR_BENCH_HOME=/cache
VOLUME ["/cache"]
ENTRYPOINT ["stvsr-bench"]
CMD ["--help"]
