"""What is read from outside, a target each: small valid files, and the reader that they are put before."""

from fuzz import documents, recordings, tables, trained
from fuzz.target import Target

TARGETS = tuple(
    Target(*entry)
    for entry in (
        ("HDF5, D4RL's layout", recordings.d4rl_layouts, recordings.read_recording),
        ("HDF5, steps to replay", recordings.d4rl_layouts, recordings.read_hdf5_steps),
        ("npz, the archive", recordings.archives, recordings.read_archive),
        ("npz, one array", recordings.npy_arrays, recordings.read_npy_array),
        ("Minari, main_data.hdf5", recordings.minari_data, recordings.read_minari_data),
        ("Minari, metadata.json", recordings.minari_metadata, recordings.read_minari_metadata, True),
        ("prepared, arrays.safetensors", recordings.prepared_arrays, recordings.read_prepared_arrays),
        ("prepared, safetensors header", recordings.prepared_headers, recordings.read_prepared_header, True),
        ("prepared, manifest.json", recordings.prepared_manifests, recordings.read_prepared_manifest, True),
        ("policy.safetensors", trained.policies, trained.read_policy),
        ("policy, its description", trained.descriptions, trained.read_description, True),
        ("resume.safetensors", trained.stopped, trained.read_stopped),
        ("resume, its facts", trained.facts, trained.read_facts, True),
        ("params.yaml", documents.params, documents.read_params, True),
        ("--config set", documents.command_lines, documents.read_command_line, True),
        ("claims.yaml", documents.claims, documents.read_claims, True),
        ("verify.yaml", documents.tolerances, documents.read_tolerances, True),
        ("manifest of a trained cell", documents.trained_manifests, documents.read_trained_manifest, True),
        ("manifest of an evaluated cell", documents.evaluated_manifests, documents.read_evaluated_manifest, True),
        ("manifest of a report", documents.reported_manifests, documents.read_reported_manifest, True),
        ("runtime.json", documents.runtimes, documents.read_runtime, True),
        ("replay.json", documents.replay_results, documents.read_replay_result, True),
        ("claims.json", documents.verdicts, documents.read_verdicts, True),
        ("kept.json", documents.kept_manifests, documents.read_kept, True),
        ("note of a broken download", documents.notes, documents.read_note, True),
        ("episodes.csv", documents.episode_tables, documents.read_episodes, True),
        ("curve.csv", documents.curves, documents.read_curve, True),
        ("scores.csv", documents.score_tables, documents.read_scores, True),
        ("d4rl_files.csv", documents.file_tables, documents.read_file_table, True),
        ("dataset_statistics.csv", documents.statistics_tables, documents.read_statistics_table, True),
        ("replay_bounds.csv", documents.bounds_tables, documents.read_bounds_table, True),
        ("published_scores.csv", documents.published_scores, documents.read_published_scores, True),
        ("external_scores.csv", tables.external_scores, tables.read_external_scores, True),
        ("rollouts.csv", tables.rollout_tables, tables.read_rollout_table, True),
        ("paths.csv", tables.path_tables, tables.read_path_table, True),
        ("walls.csv", tables.wall_tables, tables.read_wall_table, True),
    )
)
