//! Lists the files of the web page for `src/page.rs`; none where `web/build` has not run.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let own = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let built = own.join("../web/dist");
    // Cargo looks at all that is in it. It is there without a page, too: what is missing counts as changed.
    println!("cargo:rerun-if-changed={}", built.display());
    let mut files = Vec::new();
    let page = built.join("page");
    if page.is_dir() {
        find(&page, &mut files)?;
    }
    files.sort();
    let mut code = String::from("&[\n");
    for file in &files {
        let extension = file.extension().and_then(|each| each.to_str());
        if matches!(extension, Some("br" | "gz")) {
            continue;
        }
        let inside = file.strip_prefix(&page).map_err(io::Error::other)?;
        let compressed = |suffix: &str| {
            let path = PathBuf::from(format!("{}.{suffix}", file.display()));
            if files.contains(&path) {
                format!("Some(include_bytes!({path:?}))")
            } else {
                "None".into()
            }
        };
        writeln!(
            code,
            "    File {{ path: {:?}, kind: {:?}, plain: include_bytes!({file:?}), br: {}, gzip: {} }},",
            format!("/{}", inside.display()),
            kind(extension),
            compressed("br"),
            compressed("gz"),
        )
        .map_err(io::Error::other)?;
    }
    code.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("page_files.rs"), code)
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// The media type of a file.
fn kind(extension: Option<&str>) -> &'static str {
    match extension {
        Some("css") => "text/css; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("png") => "image/png",
        Some("svg") => "image/svg+xml",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}
