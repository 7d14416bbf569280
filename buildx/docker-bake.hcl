# How the monitor's image is built; `python3 buildx/build.py` fills in the variables. By hand, where both bases can be
# pulled: `docker buildx bake -f buildx/docker-bake.hcl` in the repository's root.

variable "TAG" {
  default = "pickme/lucid-rdp-monitor:latest-arm64"
}

# Labels of the image. An empty one is left to the Dockerfile's own default.
variable "VERSION" {
  default = ""
}

variable "VCS_REF" {
  default = ""
}

variable "BUILD_DATE" {
  default = ""
}

# Another one than the repository's own where another generation of bases is filled into it.
variable "DOCKERFILE" {
  default = "Dockerfile.monitor"
}

# The names of both bases there; BuildKit looks for `IMAGE:latest` under the name without the tag.
variable "BUILDER" {
  default = "python:3.11-slim-bookworm"
}

variable "RUNTIME" {
  default = "gcr.io/distroless/python3-debian12"
}

# What they are taken from: a pinned digest of the upstream image, or a stand-in (`oci-layout://DIRECTORY@DIGEST`).
variable "BUILDER_BASE" {
  default = "docker-image://python:3.11-slim-bookworm"
}

variable "RUNTIME_BASE" {
  default = "docker-image://gcr.io/distroless/python3-debian12:latest"
}

# A folder that build steps are read from and written to, for machines that do not keep their engine.
variable "CACHE" {
  default = ""
}

# What is known of how the image was made. Empty where the engine's image store cannot keep it.
variable "PROVENANCE" {
  default = "mode=max"
}

variable "ARCHIVE" {
  default = "rdp-monitor.oci.tar"
}

group "default" {
  targets = ["engine"]
}

target "rdp-monitor" {
  context    = "."
  dockerfile = DOCKERFILE
  platforms  = ["linux/arm64"]
  tags       = [TAG]
  args = {
    VERSION    = VERSION == "" ? null : VERSION
    VCS_REF    = VCS_REF == "" ? null : VCS_REF
    BUILD_DATE = BUILD_DATE == "" ? null : BUILD_DATE
  }
  contexts = {
    (BUILDER) = BUILDER_BASE
    (RUNTIME) = RUNTIME_BASE
  }
  attest     = PROVENANCE == "" ? ["type=provenance,disabled=true"] : ["type=provenance,${PROVENANCE}"]
  cache-from = CACHE == "" ? [] : ["type=local,src=${CACHE}"]
  cache-to   = CACHE == "" ? [] : ["type=local,dest=${CACHE},mode=max"]
}

# Into the engine that builds, under TAG.
target "engine" {
  inherits = ["rdp-monitor"]
  output   = ["type=docker"]
}

# Into a file, as an OCI image layout (oci-archive).
target "archive" {
  inherits = ["rdp-monitor"]
  output   = ["type=oci,dest=${ARCHIVE}"]
}
