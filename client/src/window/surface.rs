//! What a window is drawn on: `pixels` keeps the surface and its device, pictures come first, egui over them.

use std::sync::Arc;

use egui::Color32;
use pixels::{Pixels, PixelsBuilder, SurfaceTexture, wgpu};
use thiserror::Error;
use winit::{dpi::PhysicalSize, window::Window};

use super::picture::{Area, PicturePainter};
use crate::{
    app::Pictures,
    ui::{PicturePlace, Whose},
};

#[derive(Debug, Error)]
#[error(transparent)]
pub struct SurfaceError(#[from] pixels::Error);

/// The surface of one window.
pub struct Surface {
    pixels: Pixels<'static>,
    egui: egui_wgpu::Renderer,
    pictures: PicturePainter,
    size: PhysicalSize<u32>,
}

/// One drawing.
pub struct Drawing<'a> {
    pub ground: Color32,
    /// Behind pictures.
    pub stage: Color32,
    pub places: &'a [PicturePlace],
    pub pictures: &'a Pictures,
    pub shapes: &'a [egui::ClippedPrimitive],
    pub textures: &'a egui::TexturesDelta,
    /// Physical pixels of one point.
    pub scale: f32,
}

impl Surface {
    pub fn new(window: &Arc<Window>) -> Result<Self, SurfaceError> {
        let size = window.inner_size();
        let (width, height) = (size.width.max(1), size.height.max(1));
        // The buffer of pixels itself is not used: planes of pictures go to the GPU as they are.
        let pixels = PixelsBuilder::new(1, 1, SurfaceTexture::new(width, height, window.clone()))
            .texture_format(wgpu::TextureFormat::Rgba8Unorm)
            .surface_texture_format(wgpu::TextureFormat::Bgra8Unorm)
            // pixels cannot open a display on GL.
            .wgpu_backend(wgpu::Backends::PRIMARY)
            .present_mode(wgpu::PresentMode::AutoNoVsync)
            .build()?;
        let format = pixels.surface_texture_format();
        let egui = egui_wgpu::Renderer::new(pixels.device(), format, egui_wgpu::RendererOptions::default());
        let pictures = PicturePainter::new(pixels.device(), format);
        Ok(Self { pixels, egui, pictures, size: PhysicalSize::new(width, height) })
    }

    pub fn largest_texture(&self) -> usize {
        self.pixels.device().limits().max_texture_dimension_2d as usize
    }

    /// The window has another size.
    pub fn resize(&mut self, size: PhysicalSize<u32>) {
        if size.width == 0 || size.height == 0 || size == self.size {
            return;
        }
        match self.pixels.resize_surface(size.width, size.height) {
            Ok(()) => self.size = size,
            Err(error) => tracing::error!(%error, "the window cannot be drawn in its new size"),
        }
    }

    pub fn draw(&mut self, drawing: &Drawing<'_>) -> Result<(), SurfaceError> {
        let target = (self.size.width, self.size.height);
        let screen =
            egui_wgpu::ScreenDescriptor { size_in_pixels: [target.0, target.1], pixels_per_point: drawing.scale };
        let (egui, painter) = (&mut self.egui, &mut self.pictures);
        self.pixels.render_with(|encoder, view, context| {
            let (device, queue) = (&context.device, &context.queue);
            for (id, delta) in &drawing.textures.set {
                egui.update_texture(device, queue, *id, delta);
            }
            let more = egui.update_buffers(device, queue, encoder, drawing.shapes, &screen);
            queue.submit(more);
            let prepared = prepare(painter, device, queue, drawing, target);
            {
                let pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                    label: Some("window"),
                    color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                        view,
                        depth_slice: None,
                        resolve_target: None,
                        ops: wgpu::Operations {
                            load: wgpu::LoadOp::Clear(clear(drawing.ground)),
                            store: wgpu::StoreOp::Store,
                        },
                    })],
                    ..wgpu::RenderPassDescriptor::default()
                });
                let mut pass = pass.forget_lifetime();
                painter.paint(&mut pass, &prepared);
                egui.render(&mut pass, drawing.shapes, &screen);
            }
            for id in &drawing.textures.free {
                egui.free_texture(id);
            }
            Ok(())
        })?;
        Ok(())
    }
}

fn prepare(
    painter: &mut PicturePainter,
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    drawing: &Drawing<'_>,
    target: (u32, u32),
) -> Vec<super::picture::Prepared> {
    let mut prepared = Vec::new();
    for place in drawing.places {
        let scale = drawing.scale;
        let area = Area {
            left: place.area.left() * scale,
            top: place.area.top() * scale,
            width: place.area.width() * scale,
            height: place.area.height() * scale,
        };
        let radius = place.radius * scale;
        prepared.push(painter.prepare_colour(device, area, target, radius, drawing.stage));
        let (slot, picture) = match place.whose {
            Whose::Theirs => (0, drawing.pictures.theirs()),
            Whose::Mine => (1, drawing.pictures.mine()),
        };
        if let Some((number, picture)) = picture {
            painter.upload(device, queue, slot, number, &picture);
            prepared.extend(painter.prepare(device, slot, &picture, area, target, radius, place.fill));
        }
    }
    prepared
}

fn clear(colour: Color32) -> wgpu::Color {
    let part = |value: u8| f64::from(value) / 255.0;
    wgpu::Color { r: part(colour.r()), g: part(colour.g()), b: part(colour.b()), a: 1.0 }
}
