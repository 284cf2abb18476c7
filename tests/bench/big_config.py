"""A configuration as large as the largest public one, and spread like it: 600 files of 11 MB with 6,000 jobs.

One generated file holds a third of the jobs, periodics all of them, and half of the bytes. Every eighth of the other
files writes what its jobs share once, under an anchor.
"""

from dataclasses import dataclass
from pathlib import Path

FILES, PERIODICS, REPOSITORIES = 600, 2_200, 180
JOBS = PERIODICS + 2_600 + 500 + 700
_AMOUNTS = {"presubmits": 2_600, "postsubmits": 500, "periodics": 700}
_WITH_ANCHORS = 8
_CLOUDS, _SYSTEMS = ("aws", "gce", "azure"), ("u2204", "u2404", "deb12", "rhel9", "al2023", "flatcar")

_CONFIG = """\
prowjob_namespace: default
pod_namespace: test-pods
plank:
  default_decoration_config_entries:
  - config:
      timeout: 2h
      grace_period: 15s
      utility_images:
        clonerefs: registry.example/clonerefs:v1
        initupload: registry.example/initupload:v1
        entrypoint: registry.example/entrypoint:v1
        sidecar: registry.example/sidecar:v1
      gcs_configuration: {bucket: results, path_strategy: legacy, default_org: acme, default_repo: part-0}
      gcs_credentials_secret: service-account
presets:
- labels: {preset-service-account: "true"}
  env:
  - {name: GOOGLE_APPLICATION_CREDENTIALS, value: /etc/service-account/service-account.json}
  volumes:
  - {name: service, secret: {secretName: service-account}}
  volumeMounts:
  - {name: service, mountPath: /etc/service-account, readOnly: true}
- labels: {preset-dind-enabled: "true"}
  env:
  - {name: DOCKER_IN_DOCKER_ENABLED, value: "true"}
tide:
  queries:
  - orgs: [acme]
    labels: [lgtm, approved]
    missingLabels: [do-not-merge/hold, needs-rebase]
  merge_method: {acme/part-1: squash}
"""

_PERIODIC = """\
# {{"cloud": "{cloud}", "system": "{system}", "version": "v1.{minor}.0", "number": {number}, "shape": "grid"}}
- name: e2e-grid-{cloud}-{system}-{number}
  cron: '{minute} {hour}-23/8 * * *'
  labels:
    preset-service-account: "true"
    preset-dind-enabled: "true"
  cluster: cluster-{number}
  decorate: true
  decoration_config:
    timeout: 120m
  extra_refs:
  - org: acme
    repo: part-{repo}
    base_ref: main
    workdir: true
    path_alias: example.org/part-{repo}
  spec:
    containers:
    - command:
      - runner.sh
      args:
      - bash
      - -c
      - |
        make test-e2e-install
        make build/grid
        kubetest2 grid \\
          -v 2 \\
          --up --down --build \\
          --cloud-provider={cloud} \\
          --create-args="--image='099720109477/{system}/hvm-ssd/{system}-amd64-server-20260612' --networking=cilium" \\
          --env=FEATURE_FLAGS=Spotinst,AlphaAllowThings \\
          --version=https://artifacts.example.com/releases/v1.{minor}.0/linux/amd64/grid-{number} \\
          --test=ginkgo \\
          -- \\
          --test-package-marker=stable-1.{minor}.txt \\
          --parallel=25 \\
          --skip-regex="\\[Slow\\]|\\[Serial\\]|\\[Disruptive\\]|\\[Flaky\\]|\\[Feature:.+\\]|Dashboard|RuntimeClass" \\
          --focus-regex="\\[Conformance\\]|\\[NodeConformance\\]|Services.should.be.able.to.switch.session.affinity" \\
          --validation-wait=20m \\
          --node-count=3 --node-size=m5.large --control-plane-size=c5.large --zones=eu-west-1a,eu-west-1b,eu-west-1c \\
          --store=s3://grid-state-{number} --kubernetes-feature-gates=SpecificAllocatable,SpreadOverNodes \\
          --ginkgo-args="--timeout=110m --poll-progress-after=120s --no-color --output-interceptor-mode=none"
      env:
      - name: KUBE_SSH_KEY_PATH
        value: /etc/{cloud}-ssh/{cloud}-ssh-private
      - name: KUBE_SSH_USER
        value: admin
      - name: CLUSTER_NAME
        value: grid-{number}.tests.example.org
      - name: RUN_POST_INSTALL
        value: "true"
      - name: ZONES
        value: 3
      - name: SPOT
        value: "no"
      image: registry.example/test-images/e2e:v20260714-{minor}a9f1c0-master
      imagePullPolicy: Always
      resources:
        limits:
          cpu: "4"
          memory: 6Gi
        requests:
          cpu: "2"
          memory: 6Gi
  annotations:
    test.example.org/cloud: {cloud}
    test.example.org/system: {system}
    test.example.org/version: v1.{minor}.0
    testgrid-dashboards: acme-distro-{system}, acme-k8s-1-{minor}, acme-grid-{cloud}, acme-network-cilium
    testgrid-days-of-results: '90'
    testgrid-tab-name: grid-{cloud}-{system}-{number}

"""

_JOB = """\
  - name: {name}
{kind}    decorate: true
    labels:
      preset-service-account: "true"
    annotations:
      testgrid-dashboards: acme-part-{repo}
      testgrid-tab-name: {name}
      description: Runs the {number}th suite of part {repo} and uploads what it finds
    decoration_config:
      timeout: 65m
    spec:{spec}"""

_SPEC = """\
      containers:
      - image: registry.example/test-images/e2e:v20260714-0a9f1c0-master
        imagePullPolicy: Always
        command:
        - runner.sh
        args:
        - bash
        - -c
        - |
          set -o errexit -o nounset -o pipefail
          ./scripts/ci-{number}.sh --setup --retries=3 --timeout=60m
          trap './scripts/ci-{number}.sh --collect --into="$ARTIFACTS"' EXIT
          ./scripts/ci-{number}.sh "$@"
        - --
        - --artifacts=$(ARTIFACTS)
        - --focus=\\[sig-{number}\\]
        - --skip=\\[Slow\\]|\\[Serial\\]|\\[Flaky\\]
        - --verbosity=4
        env:
        - name: SUITE
          value: suite-{number}
        - name: PARALLEL
          value: "8"
        - name: GOMAXPROCS
          value: "4"
        - name: LEVEL
          value: 2
        securityContext:
          privileged: true
          capabilities:
            add: [NET_ADMIN, SYS_PTRACE]
        resources:
          limits:
            cpu: 4
            memory: 8Gi
          requests:
            cpu: 4
            memory: 8Gi
        volumeMounts:
        - name: cache
          mountPath: /cache
      volumes:
      - name: cache
        emptyDir: {{}}
      tolerations:
      - key: dedicated
        operator: Equal
        value: ci
        effect: NoSchedule
      nodeSelector:
        pool: ci-large
"""

_SHARED_SPEC = """
      <<: *spec
      serviceAccountName: suite-{number}
"""

_BRANCHES = "    branches:\n    - ^main$\n    - ^release-1\\.3$\n"
_PRESUBMITS = (
    f"    always_run: true\n{_BRANCHES}",
    "    run_if_changed: '^(cmd|pkg|test)/.*|^go\\.(mod|sum)$'\n",
    f"    optional: true\n{_BRANCHES}",
    "    skip_if_only_changed: '\\.md$|^docs/|^OWNERS$'\n",
)
_KINDS = {"presubmits": _PRESUBMITS, "postsubmits": (_BRANCHES,), "periodics": ("    interval: 6h\n",)}


@dataclass(frozen=True, slots=True)
class BigConfig:
    """Where it is: config.yaml, the directory of the job files, the one large file in it, and an ordinary one."""

    config: Path
    jobs: Path
    large: Path
    ordinary: Path


def write(directory: Path) -> BigConfig:
    """Write the configuration down."""
    jobs = directory / "jobs"
    config, large = directory / "config.yaml", jobs / "grid" / "generated.yaml"
    large.parent.mkdir(parents=True)
    config.write_text(_CONFIG)
    large.write_text("periodics:\n" + "".join(map(_periodic, range(PERIODICS))))
    files = FILES - len((config, large))
    kinds = [kind for kind, amount in _AMOUNTS.items() for _ in range(amount)]
    for index in range(files):
        path = jobs / f"team-{index % 40}" / f"jobs-{index}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(_file(index, [(number, kinds[number]) for number in range(index, len(kinds), files)]))
    return BigConfig(config, jobs, large, jobs / "team-1" / "jobs-1.yaml")


def _periodic(number: int) -> str:
    return _PERIODIC.format(
        number=number,
        cloud=_CLOUDS[number % len(_CLOUDS)],
        system=_SYSTEMS[number % len(_SYSTEMS)],
        minor=25 + number % 12,
        minute=number % 60,
        hour=number % 8,
        repo=number % REPOSITORIES,
    )


def _file(index: int, jobs: list[tuple[int, str]]) -> str:
    repo, has_anchor, text, section = index % REPOSITORIES, index % _WITH_ANCHORS == 0, "", ""
    for place, (number, kind) in enumerate(jobs):
        if kind != section:
            text += f"{kind}:\n" + ("" if kind == "periodics" else f"  acme/part-{repo}:\n")
            section = kind
        spec = (" &spec\n" if has_anchor else "\n") + _SPEC
        text += _JOB.format(
            name=f"{kind[:-1]}-part-{repo}-{number}",
            kind=_KINDS[kind][number % len(_KINDS[kind])],
            repo=repo,
            number=number,
            spec=(_SHARED_SPEC if has_anchor and place else spec).format(number=number),
        )
    return text
