//! `medoxide apply`: transforms over files.

use std::path::{Path, PathBuf};

use medcore::Role;
use medpipe::{LazyItem, LazySample, LazyVolume, Mismatch, Node, Pipeline};

use crate::failure::{Failure, Outcome};
use crate::files::{into_folder, make_folders, same, volumes};
use crate::inline;
use crate::options::{ProgressArgs, SaveArgs};
use crate::progress::Progress;
use crate::terminal::emit;

/// Apply transforms to volumes: a pipeline file to many, or transforms written out to one
///
/// With a pipeline file (.yaml, .yml or .json) results go to DIR under the inputs' names; of a folder all volumes are taken, and a bad file does not stop the
/// others. With one input, -o may also name the file.
///
/// Written out, a transform is `name`, `name:value` for its main parameter, or `name:parameter=value,parameter=value`; values are YAML:
/// `medoxide apply in.nii.gz out.nii.gz reorient:RAS resample:spacing=1.5 clamp:min=0,max=3`. See medoxide transforms for all of them.
#[derive(clap::Args)]
#[command(
    override_usage = "medoxide apply [OPTIONS] PIPELINE IN|FOLDER... -o DIR\n       medoxide apply [OPTIONS] IN OUT TRANSFORM..."
)]
pub(crate) struct Args {
    /// A pipeline file and inputs, or input, output and transforms
    #[arg(required = true, value_name = "PIPELINE IN... | IN OUT TRANSFORM")]
    words: Vec<PathBuf>,
    /// Folder for the results (made if it is not there), or the result of a single input
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// A label volume that moves with the single input (nearest, values never change)
    #[arg(long, value_name = "FILE")]
    label: Option<PathBuf>,
    /// Where the label goes [default: beside the result, under its own name]
    #[arg(long, value_name = "FILE", requires = "label")]
    label_output: Option<PathBuf>,
    /// What happens to a label that does not lie on the input's grid [default: error, or the pipeline file's rule]
    #[arg(long, value_enum, value_name = "RULE", requires = "label")]
    on_mismatch: Option<OnMismatch>,
    /// Seed of the random transforms; drawn from the system and told if not given
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Print what would be done (stages, passes, bytes to read) and do nothing
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    save: SaveArgs,
    #[command(flatten)]
    progress: ProgressArgs,
}

/// What happens to a label on another grid.
#[derive(Clone, Copy, clap::ValueEnum)]
enum OnMismatch {
    /// Stop
    Error,
    /// Resample it to the input's grid, nearest
    Resample,
    /// Take it to lie on the input's grid if the shapes agree
    TrustShape,
}

/// An input and where its result goes.
struct Job {
    input: PathBuf,
    output: PathBuf,
    label: Option<(PathBuf, PathBuf)>,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let (pipeline, jobs) = understood(args)?;
    let random = pipeline.nodes().iter().any(Node::is_random);
    if args.explain {
        for job in &jobs {
            let (sample, id) = open(job)?;
            emit(&pipeline.explain(&sample, &id, false)?)?;
        }
        return Ok(());
    }
    make_folders(jobs.iter().map(|j| &j.output))?;
    let mut progress = args.progress.start(jobs.len());
    if random {
        progress.say(&format!("seed {}", pipeline.seed()))?;
    }
    let mut failed = false;
    for (n, job) in jobs.iter().enumerate() {
        match transform(args, &pipeline, &mut progress, n + 1, job) {
            Ok(lines) => progress.say(&lines)?,
            Err(failure) if jobs.len() == 1 => return Err(failure),
            Err(failure) => {
                progress.complain(&failure);
                failed = true;
            }
        }
    }
    if failed { Err(Failure::Reported) } else { Ok(()) }
}

/// Does a job, the `n`th from 1, and says what was written.
fn transform(
    args: &Args,
    pipeline: &Pipeline,
    progress: &mut Progress,
    n: usize,
    job: &Job,
) -> Outcome<String> {
    let (sample, id) = open(job)?;
    progress.compute(n, "transform", &job.input, files(&sample));
    let mut lines = String::new();
    let made = pipeline.apply(&sample, &id, 0)?;
    for (i, result) in made.iter().enumerate() {
        for (name, item) in &result.items {
            let LazyItem::Volume(volume) = item else { continue };
            let target = match &job.label {
                Some((_, target)) if name == "label" => target,
                _ => &job.output,
            };
            let target = if made.len() > 1 { numbered(target, i) } else { target.clone() };
            progress.compute(n, "transform", &job.input, files(&sample));
            let voxels = volume.to_save()?;
            let written = progress.write(n, &target, &voxels);
            lines += &args.save.save(&target, &voxels, volume.role() == Role::Label, written)?;
            lines.push('\n');
        }
    }
    Ok(lines)
}

/// The pipeline and the jobs that the words mean.
fn understood(args: &Args) -> Outcome<(Pipeline, Vec<Job>)> {
    let usage = |text: String| Err(Failure::Usage(format!("{text}; see medoxide apply --help")));
    let Some((first, rest)) = args.words.split_first() else { return usage("nothing to apply".into()) };
    let named = |p: &Path, endings: &[&str]| {
        p.extension().is_some_and(|e| endings.iter().any(|x| e.eq_ignore_ascii_case(x)))
    };
    let (pipeline, pairs) = if named(first, &["yaml", "yml", "json"]) {
        if rest.is_empty() {
            return usage(format!("no input after {}", first.display()));
        }
        if let (Some(word), None) = (rest.iter().find(|w| looks_inline(w)), &args.output) {
            return usage(format!(
                "{} looks like a transform, but a pipeline file was given",
                word.display()
            ));
        }
        let pairs = match (&args.output, rest) {
            (None, _) if !args.explain => {
                return usage("with a pipeline file, -o must say where results go".into());
            }
            (None, _) => volumes(rest)?.into_iter().map(|f| (f.path.clone(), f.path)).collect(),
            (Some(o), [one]) if named(o, &["nii", "gz", "hdr", "img"]) && !one.is_dir() => {
                vec![(one.clone(), o.clone())]
            }
            (Some(o), _) => into_folder(&volumes(rest)?, o, None)?,
        };
        (Pipeline::from_file(first)?, pairs)
    } else {
        let [output, words @ ..] = rest else { return usage("no output file and no transform".into()) };
        if args.output.is_some() {
            return usage(format!(
                "-o belongs to a pipeline file (.yaml, .yml, .json), which {} is not",
                first.display()
            ));
        }
        if looks_inline(output) {
            return usage(format!("{} stands where the output file should", output.display()));
        }
        if words.is_empty() {
            return usage("no transform after the output file".into());
        }
        let nodes = words.iter().map(|w| inline::node(&w.to_string_lossy())).collect::<Outcome<Vec<_>>>()?;
        (Pipeline::new(nodes), vec![(first.clone(), output.clone())])
    };
    if args.label.is_some() && pairs.len() > 1 {
        return usage("--label goes with a single input".into());
    }
    let mut jobs = vec![];
    for (input, output) in pairs {
        let label = match &args.label {
            None => None,
            Some(label) => Some((label.clone(), label_output(args, label, &input, &output)?)),
        };
        jobs.push(Job { input, output, label });
    }
    let pipeline = match args.seed {
        Some(seed) => pipeline.with_seed(seed),
        None => pipeline,
    };
    let pipeline = match args.on_mismatch {
        None => pipeline,
        Some(OnMismatch::Error) => pipeline.with_mismatch(Mismatch::Error),
        Some(OnMismatch::Resample) => pipeline.with_mismatch(Mismatch::Resample),
        Some(OnMismatch::TrustShape) => pipeline.with_mismatch(Mismatch::TrustShape),
    };
    Ok((pipeline, jobs))
}

/// Where a label goes: never over the file it came from.
fn label_output(args: &Args, label: &Path, input: &Path, output: &Path) -> Outcome<PathBuf> {
    let target = match (&args.label_output, label.file_name()) {
        (Some(t), _) => t.clone(),
        (None, Some(name)) => output.with_file_name(name),
        (None, None) => return Err(Failure::Usage(format!("--label {} names no file", label.display()))),
    };
    for other in [label, input, output] {
        if !args.explain && same(&target, other) {
            let clash = format!("the label's result would replace {}", other.display());
            return Err(Failure::Usage(format!("{clash}; say where it goes with --label-output")));
        }
    }
    Ok(target)
}

/// Whether a word can only be a transform: a known name, with `:` after it or nothing.
fn looks_inline(word: &Path) -> bool {
    let text = word.to_string_lossy();
    let name = text.split(':').next().unwrap_or(&text);
    !word.exists() && medpipe::catalog().iter().any(|e| e.name == name)
}

/// The sample of a job, and its name for random draws.
fn open(job: &Job) -> Outcome<(LazySample, String)> {
    let image = LazyVolume::open(&job.input)?;
    let id = image.id();
    let mut sample = LazySample::of_volume(image);
    if let Some((label, _)) = &job.label {
        sample = sample.with("label", LazyItem::Volume(LazyVolume::open_as(label, Role::Label)?));
    }
    Ok((sample, id))
}

/// The files that a sample reads.
fn files(sample: &LazySample) -> Vec<medio::VolumeFile> {
    let volumes = sample.items.iter().filter_map(|(_, item)| match item {
        LazyItem::Volume(v) => Some(v),
        _ => None,
    });
    volumes.flat_map(|v| v.source().files().into_iter().cloned()).collect()
}

/// `out.nii.gz` as `out_2.nii.gz`.
fn numbered(path: &Path, n: usize) -> PathBuf {
    let name = path.file_name().map(|f| f.to_string_lossy().into_owned()).unwrap_or_default();
    let bare = if name.to_ascii_lowercase().ends_with(".gz") { &name[..name.len() - 3] } else { &name };
    let stem = bare.rfind('.').unwrap_or(bare.len());
    path.with_file_name(format!("{}_{n}{}", &name[..stem], &name[stem..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_are_numbered_before_the_suffix() {
        for (path, wanted) in [("a/b.nii.gz", "a/b_3.nii.gz"), ("b.NII", "b_3.NII"), ("s.1.nii", "s.1_3.nii")]
        {
            assert_eq!(numbered(Path::new(path), 3), Path::new(wanted));
        }
    }
}
