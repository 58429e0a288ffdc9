//! Pictures of a call on the GPU: three planes become textures, a shader makes colours of them where they are seen.

use egui::Color32;
use pixels::wgpu;
use pixels::wgpu::util::DeviceExt;

use crate::device::{Matrix, Picture, Range};

/// A place on the target, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    pub left: f32,
    pub top: f32,
    pub width: f32,
    pub height: f32,
}

/// The planes of one picture as textures; kept for the next picture of the same size.
struct Planes {
    size: (u32, u32),
    textures: [wgpu::Texture; 3],
    views: [wgpu::TextureView; 3],
    number: Option<u64>,
}

/// Draws pictures of one device.
pub struct PicturePainter {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    sampler: wgpu::Sampler,
    planes: [Option<Planes>; 2],
    blank: Planes,
}

/// Something that is ready to be drawn.
pub struct Prepared(wgpu::BindGroup);

impl PicturePainter {
    pub fn new(device: &wgpu::Device, format: wgpu::TextureFormat) -> Self {
        let module = device.create_shader_module(wgpu::include_wgsl!("picture.wgsl"));
        let texture = |binding| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::FRAGMENT,
            ty: wgpu::BindingType::Texture {
                sample_type: wgpu::TextureSampleType::Float { filterable: true },
                view_dimension: wgpu::TextureViewDimension::D2,
                multisampled: false,
            },
            count: None,
        };
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("picture"),
            entries: &[
                wgpu::BindGroupLayoutEntry {
                    binding: 0,
                    visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
                    ty: wgpu::BindingType::Buffer {
                        ty: wgpu::BufferBindingType::Uniform,
                        has_dynamic_offset: false,
                        min_binding_size: None,
                    },
                    count: None,
                },
                texture(1),
                texture(2),
                texture(3),
                wgpu::BindGroupLayoutEntry {
                    binding: 4,
                    visibility: wgpu::ShaderStages::FRAGMENT,
                    ty: wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
                    count: None,
                },
            ],
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("picture"),
            bind_group_layouts: &[Some(&layout)],
            ..wgpu::PipelineLayoutDescriptor::default()
        });
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("picture"),
            layout: Some(&pipeline_layout),
            vertex: wgpu::VertexState {
                module: &module,
                entry_point: Some("corner"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers: &[],
            },
            primitive: wgpu::PrimitiveState {
                topology: wgpu::PrimitiveTopology::TriangleStrip,
                ..wgpu::PrimitiveState::default()
            },
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            fragment: Some(wgpu::FragmentState {
                module: &module,
                entry_point: Some("paint"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                targets: &[Some(wgpu::ColorTargetState {
                    format,
                    blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
                    write_mask: wgpu::ColorWrites::ALL,
                })],
            }),
            multiview_mask: None,
            cache: None,
        });
        let sampler = device.create_sampler(&wgpu::SamplerDescriptor {
            label: Some("picture"),
            mag_filter: wgpu::FilterMode::Linear,
            min_filter: wgpu::FilterMode::Linear,
            ..wgpu::SamplerDescriptor::default()
        });
        let blank = Planes::new(device, (2, 2));
        Self { pipeline, layout, sampler, planes: [None, None], blank }
    }

    /// Brings a picture to the GPU, unless it is there: `place` 0 is the other's, 1 one's own.
    pub fn upload(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, place: usize, number: u64, picture: &Picture) {
        let size = (picture.width(), picture.height());
        let planes = match &mut self.planes[place] {
            Some(planes) if planes.size == size => planes,
            other => other.insert(Planes::new(device, size)),
        };
        if planes.number == Some(number) {
            return;
        }
        planes.number = Some(number);
        let (luma, chroma) = picture.strides();
        for (texture, bytes, stride) in [
            (&planes.textures[0], picture.y(), luma),
            (&planes.textures[1], picture.u(), chroma),
            (&planes.textures[2], picture.v(), chroma),
        ] {
            let size = texture.size();
            let needed = stride * (size.height as usize - 1) + size.width as usize;
            if bytes.len() < needed {
                tracing::error!(?picture, "a plane is too short");
                continue;
            }
            let layout = wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: u32::try_from(stride).ok(),
                rows_per_image: None,
            };
            queue.write_texture(texture.as_image_copy(), bytes, layout, size);
        }
    }

    /// The picture that was brought, in `area`: `fill` cuts its edges off, else it is seen whole within the area.
    #[allow(clippy::too_many_arguments, reason = "what is drawn, where, and how: each is said once, here")]
    pub fn prepare(
        &self,
        device: &wgpu::Device,
        place: usize,
        picture: &Picture,
        area: Area,
        target: (u32, u32),
        radius: f32,
        fill: bool,
    ) -> Option<Prepared> {
        let planes = self.planes[place].as_ref()?;
        let shape = picture.width() as f32 / picture.height() as f32;
        let (area, part) = if fill { (area, cut(area, shape)) } else { (fitted(area, shape), [0.0, 0.0, 1.0, 1.0]) };
        let colours = conversion(picture.colour().matrix, picture.colour().range);
        Some(self.bind(device, planes, area, part, target, [radius, 0.0], colours))
    }

    /// An area of one colour.
    pub fn prepare_colour(
        &self,
        device: &wgpu::Device,
        area: Area,
        target: (u32, u32),
        radius: f32,
        colour: Color32,
    ) -> Prepared {
        let row = |value: u8| [f32::from(value) / 255.0, 0.0, 0.0, 0.0];
        let colours = [row(colour.r()), row(colour.g()), row(colour.b())];
        self.bind(device, &self.blank, area, [0.0; 4], target, [radius, 1.0], colours)
    }

    pub fn paint(&self, pass: &mut wgpu::RenderPass<'_>, prepared: &[Prepared]) {
        if prepared.is_empty() {
            return;
        }
        pass.set_pipeline(&self.pipeline);
        for Prepared(group) in prepared {
            pass.set_bind_group(0, group, &[]);
            pass.draw(0..4, 0..1);
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of one small struct of the shader")]
    fn bind(
        &self,
        device: &wgpu::Device,
        planes: &Planes,
        area: Area,
        part: [f32; 4],
        target: (u32, u32),
        [radius, plain]: [f32; 2],
        [red, green, blue]: [[f32; 4]; 3],
    ) -> Prepared {
        let fields = [
            [area.left, area.top, area.width, area.height],
            part,
            [target.0 as f32, target.1 as f32, radius, plain],
            red,
            green,
            blue,
        ];
        let bytes: Vec<u8> = fields.iter().flatten().flat_map(|value| value.to_ne_bytes()).collect();
        let uniform = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: Some("picture"),
            contents: &bytes,
            usage: wgpu::BufferUsages::UNIFORM,
        });
        let view = |index: usize| wgpu::BindingResource::TextureView(&planes.views[index]);
        let resources =
            [uniform.as_entire_binding(), view(0), view(1), view(2), wgpu::BindingResource::Sampler(&self.sampler)];
        let entries: Vec<_> =
            (0..).zip(resources).map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource }).collect();
        Prepared(device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("picture"),
            layout: &self.layout,
            entries: &entries,
        }))
    }
}

impl Planes {
    fn new(device: &wgpu::Device, (width, height): (u32, u32)) -> Self {
        let texture = |width, height| {
            device.create_texture(&wgpu::TextureDescriptor {
                label: Some("plane"),
                size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: wgpu::TextureFormat::R8Unorm,
                usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
                view_formats: &[],
            })
        };
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        let textures = [texture(width, height), texture(half_width, half_height), texture(half_width, half_height)];
        let views = textures.each_ref().map(|texture| texture.create_view(&wgpu::TextureViewDescriptor::default()));
        Self { size: (width, height), textures, views, number: None }
    }
}

/// The largest area of this shape within another, in its middle.
fn fitted(area: Area, shape: f32) -> Area {
    let (width, height) = if area.width / area.height > shape {
        (area.height * shape, area.height)
    } else {
        (area.width, area.width / shape)
    };
    let (left, top) = (area.left + (area.width - width) / 2.0, area.top + (area.height - height) / 2.0);
    Area { left, top, width, height }
}

/// The part of a picture of this shape that fills an area.
fn cut(area: Area, shape: f32) -> [f32; 4] {
    let wanted = area.width / area.height;
    let (width, height) = if wanted > shape { (1.0, shape / wanted) } else { (wanted / shape, 1.0) };
    [(1.0 - width) / 2.0, (1.0 - height) / 2.0, width, height]
}

/// Rows from Y, Cb, Cr and 1 to red, green and blue (ITU-T H.273, equations 1 to 3 and table 4).
fn conversion(matrix: Matrix, range: Range) -> [[f32; 4]; 3] {
    let (kr, kb) = match matrix {
        Matrix::Bt601 => (0.299, 0.114),
        Matrix::Bt709 => (0.2126, 0.0722),
    };
    let kg = 1.0 - kr - kb;
    let (luma, chroma, black) = match range {
        Range::Limited => (255.0 / 219.0, 255.0 / 224.0, 16.0 / 255.0),
        Range::Full => (1.0, 1.0, 0.0),
    };
    let (red, blue) = (2.0 * (1.0 - kr) * chroma, 2.0 * (1.0 - kb) * chroma);
    let (green_blue, green_red) = (-2.0 * (1.0 - kb) * kb / kg * chroma, -2.0 * (1.0 - kr) * kr / kg * chroma);
    let middle = 128.0 / 255.0;
    let row = |cb: f64, cr: f64| [luma, cb, cr, -luma * black - middle * (cb + cr)].map(|value| value as f32);
    [row(0.0, red), row(green_blue, green_red), row(blue, 0.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(rows: [[f32; 4]; 3], yuv: [u8; 3]) -> [f32; 3] {
        let [y, u, v] = yuv.map(|value| f32::from(value) / 255.0);
        rows.map(|row| row[0] * y + row[1] * u + row[2] * v + row[3])
    }

    #[test]
    fn black_white_and_primaries_come_out_right() {
        for (matrix, range, yuv, rgb) in [
            (Matrix::Bt601, Range::Limited, [16, 128, 128], [0.0, 0.0, 0.0]),
            (Matrix::Bt709, Range::Limited, [235, 128, 128], [1.0, 1.0, 1.0]),
            (Matrix::Bt601, Range::Limited, [81, 90, 240], [1.0, 0.0, 0.0]),
            (Matrix::Bt709, Range::Limited, [63, 102, 240], [1.0, 0.0, 0.0]),
            (Matrix::Bt601, Range::Full, [76, 85, 255], [1.0, 0.0, 0.0]),
            (Matrix::Bt601, Range::Limited, [145, 54, 34], [0.0, 1.0, 0.0]),
        ] {
            let shown = colour(conversion(matrix, range), yuv);
            let near = shown.iter().zip(rgb).all(|(shown, wanted): (&f32, f32)| (shown - wanted).abs() < 0.015);
            assert!(near, "{matrix:?} {range:?} {yuv:?} gives {shown:?} instead of {rgb:?}");
        }
    }

    #[test]
    fn pictures_are_fitted_or_cut_in_the_middle() {
        let area = Area { left: 10.0, top: 0.0, width: 200.0, height: 200.0 };
        assert_eq!(fitted(area, 2.0), Area { left: 10.0, top: 50.0, width: 200.0, height: 100.0 });
        assert_eq!(fitted(area, 0.5), Area { left: 60.0, top: 0.0, width: 100.0, height: 200.0 });
        assert_eq!(cut(area, 2.0), [0.25, 0.0, 0.5, 1.0]);
        assert_eq!(cut(area, 0.5), [0.0, 0.25, 1.0, 0.5]);
    }
}
