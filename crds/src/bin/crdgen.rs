//! `crdgen DIR`: writes the definitions as Helm templates, one file a type, into `DIR`.
//! `crdgen --check DIR`: fails when a file there differs.

use std::{env, fs, path::Path, process::ExitCode};

use anyhow::{Context, bail};
use kube::ResourceExt;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (check, directory) = match arguments.as_slice() {
        [flag, directory] if flag == "--check" => (true, directory),
        [directory] => (false, directory),
        _ => bail!("usage: crdgen [--check] DIR"),
    };
    for definition in crds::all() {
        let name = format!("{}.yaml", definition.spec.names.plural);
        let path = Path::new(directory).join(&name);
        let wanted = crds::template(&definition).with_context(|| definition.name_any())?;
        if check {
            let found = fs::read_to_string(&path).unwrap_or_default();
            if found != wanted {
                bail!("{name} differs from the types: run `just crds`");
            }
        } else {
            fs::write(&path, wanted).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}
